/* The whole library as one unit. */
#ifndef __wasm__
#define _GNU_SOURCE
#include <string.h>
#include <time.h>
#endif
#include "internal.h"

#include "memory.c"
#include "strings.c"
#include "names.c"
#include "error.c"
#include "seq.c"
#include "map.c"
#include "equality.c"
#include "power.c"
#include "numbers.c"
#include "print.c"
#include "function.c"
#include "transit.c"
#include "collections.c"
#include "maps.c"
#include "text.c"
#include "symbols.c"
#include "regex_class.c"
#include "regex_compile.c"
#include "regex_match.c"
#include "regex.c"
#include "json_read.c"
#include "json_write.c"
#include "check.c"
#include "gc.c"
#ifndef __wasm__
#include "native.c"
#endif
