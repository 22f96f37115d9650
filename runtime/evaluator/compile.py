"""IR to a program of the register machine: what the functions of a module share, and the linking."""

from __future__ import annotations

from functools import partial

from rtfsc.ir.collect import find_polls
from rtfsc.ir.nodes import Function, Module
from rtfsc.ir.normal import normalise
from rtfsc.ir.types import rep
from rtfsc.ir.walk import deep
from rtfsc.ir.weight import frame_weights
from runtime.evaluator.code import ARGUMENTS, HEADER, Assembler, FunctionCode, Program
from runtime.evaluator.constant_pool import ConstantPool
from runtime.evaluator.function import LETTER, FunctionCompiler, arity_of


def compile_module(module: Module) -> Program:
    """The program of a module at any level of optimisation."""
    with deep():
        return Linker(module).run()


class Linker:
    """What the functions of a module share."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.pool = ConstantPool()
        self.pool.text("apply")  # constants 0 and 1: the machine's own error for what is no sequence
        self.pool.text("vector or list")
        self.weights = frame_weights(module)
        self.polls = find_polls(module, self.weights)
        self.program = Program()
        self.program.index = {name: i for i, name in enumerate(module.functions)}
        self.program.globals = {name: (i, rep(t)) for i, (name, t) in enumerate(module.globals.items())}
        self.captured: dict[str, tuple[int, int]] = {}
        """Functions that closures are made of: position in ``closures``, number of captures."""

    def run(self) -> Program:
        program = self.program
        for function in self.module.functions.values():
            program.functions.append(FunctionCompiler(self, self._normal(function)).run())
        exported = [e.func for e in self.module.exports if e.func]
        for name in dict.fromkeys([*self.captured, *exported]):
            program.boxed[name] = self._boxed_entry(self.module.functions[name])
        program.closures = [(program.boxed[name], count, name) for name, (_, count) in self.captured.items()]
        program.apply = self._apply_entry()
        program.constants, program.built = self.pool.words, self.pool.built
        program.literals = self.pool.literals
        program.link()
        return program

    def _normal(self, function: Function) -> Function:
        polls = self.polls
        if function.name not in polls.collecting:
            return function
        return normalise(function, partial(polls.is_point, function.name))

    def closure_number(self, name: str, captures: int) -> int:
        """Position in ``closures`` of a function that a closure is made of."""
        return self.captured.setdefault(name, (len(self.captured), captures))[0]

    def _apply_entry(self) -> int:
        """Number of a function of two parameters that applies the first to the elements of the second."""
        asm = Assembler()
        asm.emit("move", 3 + HEADER, 1)
        asm.emit("move", 3 + ARGUMENTS, 2)
        asm.emit("tail_apply", 3, 0)
        asm.emit("return", 3, 0)  # code of the library does not replace this frame
        self.program.functions.append(FunctionCode("$apply", asm.words, [], [], [], 4 + ARGUMENTS, 2, "val"))
        return len(self.program.functions) - 1

    def _boxed_entry(self, function: Function) -> int:
        """Number of the function, or of a stub that unboxes parameters and boxes the result."""
        reps = [rep(p.type) for p in function.params]
        number = self.program.index[function.name]
        result = rep(function.result)
        if result == "val" and all(r == "val" for r in reps):
            return number
        asm, count = Assembler(), len(reps)
        base = count + 1
        asm.emit("move", base + HEADER, 0)
        for i, r in enumerate(reps):
            name = "move" if r == "val" else f"unbox_{LETTER[r]}"
            asm.emit(name, base + ARGUMENTS + i, 1 + i)
        asm.emit("call", 0, number, base)
        if result != "val":
            asm.emit(f"box_{LETTER[result]}", 0, 0)
        asm.emit("return", 0, 0)
        slots = base + ARGUMENTS + count
        self.program.functions.append(
            FunctionCode(function.name, asm.words, [], [], [], slots, arity_of(function), "val")
        )
        return len(self.program.functions) - 1
