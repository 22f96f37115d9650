/* Names made while a program runs: `symbol`, `keyword`, `gensym`. */
#include "internal.h"

static const str_obj *name_source(const char *operation, val x) {
    const str_obj *text = NULL;
    if (is_str(x)) text = OF(str_obj, x);
    else if (is_kind(x, RT_KIND_SYM) || is_kind(x, RT_KIND_KW)) text = name_text(x);
    else type_error(operation, "string, symbol or keyword", x);
    if (text && !text->size) {
        invalid("A name has at least one character");
        return NULL;
    }
    return text;
}

static val name_of(int kind, const char *operation, val x) {
    const str_obj *text = name_source(operation, x);
    return text ? intern(kind, text->text, text->size) : ERR;
}

val rt_symbol(val x) { return name_of(RT_KIND_SYM, "symbol", x); }
val rt_keyword(val x) { return name_of(RT_KIND_KW, "keyword", x); }

/* `#` stands in no name that can be read, so no symbol of a program is equal to one of these. */
val rt_gensym(val prefix) {
    if (!name_source("gensym", prefix)) return ERR;
    text_out out;
    out_init(&out, 24);
    out_str(&out, is_str(prefix) ? OF(str_obj, prefix) : name_text(prefix));
    out_text(&out, "#");
    print_int(&out, ++STATE->gensyms);
    val text = out_done(&out);
    return intern_text(RT_KIND_SYM, OF(str_obj, text)->text, OF(str_obj, text)->size, (ref)text);
}
