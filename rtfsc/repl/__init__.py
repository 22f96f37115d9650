"""The interactive session of ``rtfsc repl``: `session` keeps definitions, `inspection` shows stages of the
compilation, `commands` are what starts with a colon, `console` reads lines."""
