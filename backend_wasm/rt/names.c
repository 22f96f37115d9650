/* Keywords and symbols are interned: equal names are the same object. The table is open-addressed; a larger
 * one links to the one it replaced, so that rt_reset can go back to the table that was valid at MARK. */
#include "internal.h"

static void name_table_new(uint32_t capacity) {
    table_obj *table = alloc(sizeof(table_obj) + capacity * sizeof(ref));
    *table = (table_obj){.kind = RT_KIND_TABLE, .previous = STATE->names, .capacity = capacity};
    memset(table_refs(table), 0, capacity * sizeof(ref));
    STATE->names = RT_REF(table);
}

static void init_names(void) {
    STATE->names = 0;
    name_table_new(256);
}

static void name_insert(table_obj *table, ref name) {
    uint32_t i = OBJ(name_obj, name)->hash & (table->capacity - 1);
    while (table_refs(table)[i]) i = (i + 1) & (table->capacity - 1);
    table_refs(table)[i] = name;
    table->count++;
}

static void name_table_grow(void) {
    table_obj *old = OBJ(table_obj, STATE->names);
    name_table_new(old->capacity * 2);
    table_obj *table = OBJ(table_obj, STATE->names);
    for (uint32_t i = 0; i < old->capacity; i++)
        if (table_refs(old)[i]) name_insert(table, table_refs(old)[i]);
}

/* `text`: the STR object to use if the name is new, or 0 to make one. */
static val intern_text(int kind, const char *bytes, uint32_t size, ref text) {
    uint32_t hash = hash_bytes(bytes, size) ^ (uint32_t)kind * 0x9E3779B9u;
    table_obj *table = OBJ(table_obj, STATE->names);
    for (uint32_t i = hash & (table->capacity - 1); table_refs(table)[i]; i = (i + 1) & (table->capacity - 1)) {
        name_obj *name = OBJ(name_obj, table_refs(table)[i]);
        str_obj *spelling = OBJ(str_obj, name->text);
        if (name->hash == hash && name->kind == kind && spelling->size == size && memcmp(spelling->text, bytes, size) == 0)
            return table_refs(table)[i];
    }
    if (!text) text = (ref)str_new(bytes, size);
    name_obj *name = alloc(sizeof(name_obj));
    *name = (name_obj){.kind = (uint8_t)kind, .text = text, .hash = hash};
    if (table->count * 2 >= table->capacity) name_table_grow();
    name_insert(OBJ(table_obj, STATE->names), RT_REF(name));
    STATE->fresh++;
    STATE->new_names = 1;
    return RT_REF(name);
}

static val intern(int kind, const char *bytes, uint32_t size) { return intern_text(kind, bytes, size, 0); }
static val keyword(const char *text) { return intern(RT_KIND_KW, text, (uint32_t)__builtin_strlen(text)); }
static str_obj *name_text(val name) { return OBJ(str_obj, OF(name_obj, name)->text); }

val rt_kw_from(const char *bytes, uint32_t n) { return intern(RT_KIND_KW, bytes, n); }
val rt_sym_from(const char *bytes, uint32_t n) { return intern(RT_KIND_SYM, bytes, n); }

static void forget_patterns(void);
static void plan(void);

void rt_reset(void) {
    state_block *state = STATE;
    ref mark = state->mark;
    if (state->fresh) forget_patterns();
    if (state->new_names) {
        /* A name below MARK was entered before any table above MARK was made, so an older table holds it. */
        while (state->names >= mark) state->names = OBJ(table_obj, state->names)->previous;
        table_obj *table = OBJ(table_obj, state->names);
        state->hp = mark;
        uint64_t size = table->capacity * sizeof(ref);
        ref *all = alloc(size);
        memcpy(all, table_refs(table), size);
        memset(table_refs(table), 0, size);
        table->count = 0;
        for (uint32_t i = 0; i < table->capacity; i++)
            if (all[i] && all[i] < mark) name_insert(table, all[i]);
    }
    state->hp = mark;
    state->fresh = 0;
    state->new_names = 0;
    if (state->handles >= mark) state->handles = 0;
    plan();
}
