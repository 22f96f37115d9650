/* Library ops on maps, and look-ups in any collection. */
#include "internal.h"

static val bad_key(const char *operation, val key) { return type_error(operation, "map key", key); }

/* Part :type, :message or :data of an error; nil for other keys. */
static val error_part(val error, val key, val otherwise) {
    error_obj *e = OF(error_obj, error);
    if (!is_kw(key)) return otherwise;
    val name = OF(name_obj, key)->text;
    if (text_is(name, "type")) return e->type;
    if (text_is(name, "message")) return e->message;
    return text_is(name, "data") ? e->data : otherwise;
}

static val get(val c, val key, val otherwise) {
    if (likely(is_map(c))) return map_get(c, key, otherwise);
    if (is_kind(c, RT_KIND_ERROR)) return error_part(c, key, otherwise);
    if (!is_seq(c)) return type_error("get", "map or vector", c);
    if (!is_int(key)) return type_error("get", "integer", key);
    int64_t i = int_of(key);
    return i < 0 || i >= seq_count(c) ? otherwise : seq_get(OF(seq_obj, c), (uint32_t)i);
}

val rt_get(val c, val key) { return get(c, key, NIL); }
val rt_get_or(val c, val key, val otherwise) { return get(c, key, otherwise); }

static val get_in(val c, val path, val otherwise) {
    if (!is_seq(path)) return type_error("get-in", "vector", path);
    for (uint32_t i = 0; i < seq_count(path); i++) {
        val key = seq_get(OF(seq_obj, path), i);
        if (is_map(c) && (is_kw(key) || is_str(key))) c = map_get(c, key, UNDEF);
        else if (is_seq(c) && is_int(key)) c = get(c, key, UNDEF);
        else return otherwise;
        if (c == UNDEF) return otherwise;
    }
    return c;
}

val rt_get_in(val c, val path) { return get_in(c, path, NIL); }
val rt_get_in_or(val c, val path, val otherwise) { return get_in(c, path, otherwise); }

val rt_kw_get_or(val keyword, val c, val otherwise) {
    if (likely(is_map(c))) return map_get(c, keyword, otherwise);
    if (c == NIL) return otherwise;
    if (is_kind(c, RT_KIND_ERROR)) return error_part(c, keyword, otherwise);
    return raise_type_text(rt_str_pr(keyword), str_literal("map"), type_name(c));
}

val rt_kw_get(val keyword, val c) { return rt_kw_get_or(keyword, c, NIL); }

val rt_find(val m, val key) {
    if (!is_map(m)) return type_error("find", "map", m);
    if (!map_key_ok(key)) return NIL;
    entry e = {key, map_get(m, key, UNDEF)};
    return e.value == UNDEF ? NIL : seq_new(RT_KIND_VEC, &e.key, 2);
}

static val column(const char *operation, val m, bool keys) {
    if (!is_map(m)) return type_error(operation, "map", m);
    val out = builder_new();
    entry e;
    EACH_ENTRY(m, e) builder_push(out, keys ? e.key : e.value);
    return builder_done(out, RT_KIND_VEC);
}

val rt_keys(val m) { return column("keys", m, true); }
val rt_vals(val m) { return column("vals", m, false); }

val rt_map(val *args, uint32_t n) {
    if (n % 2) return raise_arity(str_literal("hash-map"), str_literal("an even number"), n);
    for (uint32_t i = 0; i < n; i += 2)
        if (!map_key_ok(args[i])) return bad_key("hash-map", args[i]);
    return map_from(args, n / 2);
}

val rt_assoc(val c, val key, val value) {
    if (likely(is_map(c))) return map_key_ok(key) ? map_put(c, key, value, SHARED) : bad_key("assoc", key);
    if (!is_seq(c)) return type_error("assoc", "map or vector", c);
    if (!is_int(key)) return type_error("assoc", "integer", key);
    int64_t i = int_of(key);
    if (i < 0 || i >= seq_count(c)) return index_error(i, seq_count(c));
    seq_obj *copy = alloc(sizeof(seq_obj));
    *copy = *OF(seq_obj, c);
    trie_set(copy, (uint32_t)i, value, SHARED);
    return RT_REF(copy);
}

/* A large map that grew from an empty one: its nodes came after it. A small one is copied. */
val rt_assoc_own(val map, val key, val value) {
    return map_key_ok(key) ? map_put(map, key, value, (ref)map) : bad_key("assoc", key);
}

val rt_dissoc(val m, val key) {
    if (!is_map(m)) return type_error("dissoc", "map", m);
    return map_key_ok(key) ? map_remove(m, key) : m;
}

val rt_merge(val a, val b) {
    if (!is_map(a) || !is_map(b)) return type_error("merge", "map", is_map(a) ? b : a);
    ref since = STATE->hp;
    entry e;
    EACH_ENTRY(b, e) a = map_put(a, e.key, e.value, since);
    return a;
}

val rt_map_check(val m) { return is_map(m) ? m : type_error("merge", "map", m); }

val rt_select_keys(val m, val keys) {
    if (!is_map(m)) return type_error("select-keys", "map", m);
    if (!is_seq(keys)) return type_error("select-keys", "vector", keys);
    ref since = STATE->hp;
    val out = map_from(NULL, 0);
    for (uint32_t i = 0; i < seq_count(keys); i++) {
        val key = seq_get(OF(seq_obj, keys), i), *found = map_key_ok(key) ? map_find(m, key) : NULL;
        if (found) out = map_put(out, key, *found, since);
    }
    return out;
}

val rt_rename_keys(val m, val names) {
    if (!is_map(m) || !is_map(names)) return type_error("rename-keys", "map", is_map(m) ? names : m);
    ref since = STATE->hp;
    val out = map_from(NULL, 0);
    entry e;
    EACH_ENTRY(m, e) {
        val key = map_get(names, e.key, e.key);
        if (!map_key_ok(key)) return bad_key("rename-keys", key);
        out = map_put(out, key, e.value, since);
    }
    return out;
}

val rt_frequencies(val v) {
    if (!seq_or_str(v)) return type_error("frequencies", "vector, list or string", v);
    val items = elements(v);
    seq_obj *s = OF(seq_obj, items);
    key_table table;
    table_init(&table);
    for (uint32_t i = 0, run; i < s->count; i += run) {
        val *keys = seq_chunk(s, i, &run);
        for (uint32_t k = 0; k < run; k++) {
            if (!map_key_ok(keys[k])) return bad_key("frequencies", keys[k]);
            table_entry(&table, keys[k])->value += 2; /* one more, boxed */
        }
    }
    return map_from_distinct(table.entries, table.count);
}

static val into_map(val to, val items) {
    ref since = STATE->hp;
    for (uint32_t i = 0; i < seq_count(items); i++) {
        val pair = seq_get(OF(seq_obj, items), i);
        if (!is_seq(pair) || seq_count(pair) != 2) return type_error("into", "[key value]", pair);
        val key = seq_get(OF(seq_obj, pair), 0);
        if (!map_key_ok(key)) return bad_key("into", key);
        to = map_put(to, key, seq_get(OF(seq_obj, pair), 1), since);
    }
    return to;
}

val rt_into(val to, val from) {
    if (is_map(to) && is_map(from)) return rt_merge(to, from);
    val items = sequence(from);
    if (items == UNDEF) return type_error("into", "collection", from);
    if (is_map(to)) return into_map(to, items);
    if (!is_seq(to)) return type_error("into", "vector, list or map", to);
    val both[2] = {to, items};
    return seq_as(rt_concat(both, 2), is_list(to) ? RT_KIND_LIST : RT_KIND_VEC);
}

int32_t rt_map_has(val m, val key) { return map_key_ok(key) && map_find(m, key); }
val rt_map_get(val m, val key) { return map_get(m, key, NIL); }
val rt_group_key(val key) { return map_key_ok(key) ? key : rt_str(&key, 1); }
