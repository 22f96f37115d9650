//! Float text and remainders: what Zig's standard library has and freestanding C has not.
//! The C side lays digits out (number_text.c) and has checked the syntax before it asks for a parse.
const std = @import("std");

/// Shortest digits that read back. Writes at most 17 digits of |value| (finite) to `digits` and the
/// power of ten of the first digit to `exponent`; answers the number of digits.
export fn floattext_digits(value: f64, digits: [*]u8, exponent: *i32) u32 {
    var buffer: [64]u8 = undefined;
    const text = std.fmt.float.render(&buffer, @abs(value), .{ .mode = .scientific }) catch unreachable;
    var n: u32 = 0;
    var i: usize = 0;
    while (i < text.len and text[i] != 'e') : (i += 1) {
        if (text[i] == '.') continue;
        digits[n] = text[i];
        n += 1;
    }
    exponent.* = std.fmt.parseInt(i32, text[i + 1 ..], 10) catch 0;
    while (n > 1 and digits[n - 1] == '0') n -= 1;
    return n;
}

/// Nearest float of a decimal text (sign, digits, point, exponent).
export fn floattext_parse(text: [*]const u8, length: u32) f64 {
    return std.fmt.parseFloat(f64, text[0..length]) catch 0;
}

export fn floattext_rem(a: f64, b: f64) f64 {
    return @rem(a, b);
}

pub const panic = std.debug.no_panic;
