/* The whole library as one unit. */
#include "internal.h"
