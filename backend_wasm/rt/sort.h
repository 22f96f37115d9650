/* A stable merge sort of `SORT_TYPE`, where SORT_BEFORE(a, b) says that a must come first. Short runs are
 * made by insertion, then merged bottom up between two arrays; runs in order already are taken as they are. */
static SORT_TYPE *SORT_NAME(SORT_TYPE *items, SORT_TYPE *other, uint32_t n) {
    for (uint64_t from = 0; from < n; from += SORT_RUN)
        for (uint64_t i = from + 1; i < n && i < from + SORT_RUN; i++) {
            SORT_TYPE x = items[i];
            uint64_t at = i;
            for (; at > from && SORT_BEFORE(x, items[at - 1]); at--) items[at] = items[at - 1];
            items[at] = x;
        }
    for (uint64_t width = SORT_RUN; width < n; width *= 2) {
        for (uint64_t from = 0; from < n; from += 2 * width) {
            uint64_t middle = from + width < n ? from + width : n, to = middle + width < n ? middle + width : n;
            uint64_t a = from, b = middle, k = from;
            worked((uint32_t)(to - from));
            if (b < to && SORT_BEFORE(items[b], items[b - 1]))
                while (a < middle && b < to) {
                    bool second = SORT_BEFORE(items[b], items[a]);
                    other[k++] = items[second ? b : a];
                    a += !second;
                    b += second;
                }
            while (a < middle) other[k++] = items[a++];
            while (b < to) other[k++] = items[b++];
        }
        SORT_TYPE *swap = items;
        items = other;
        other = swap;
    }
    return items;
}

#undef SORT_NAME
#undef SORT_TYPE
#undef SORT_BEFORE
