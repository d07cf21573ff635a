/* SPDX-License-Identifier: MIT */
/* Topic functions: the input is a filter, a zero byte, a topic. The match is
 * compared with a slow one written the other way round. */
#include <stdlib.h>
#include <string.h>

#include "cleat/mqtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) {
        abort();
    }
}

/* Recursive by level over what is left of both. */
static bool slow(struct cleat_bytes f, struct cleat_bytes t) {
    if (f.len == 1 && f.data[0] == '#') {
        return true;
    }
    size_t i = 0;
    size_t j = 0;
    while (i < f.len && f.data[i] != '/') {
        i++;
    }
    while (j < t.len && t.data[j] != '/') {
        j++;
    }
    bool same = i == j && (i == 0 || memcmp(f.data, t.data, i) == 0);
    if (!same && !(i == 1 && f.data[0] == '+')) {
        return false;
    }
    if (j == t.len) { /* The parent of "#" is covered, too. */
        return i == f.len ||
               (f.len - i == 2 && memcmp(f.data + i, "/#", 2) == 0);
    }
    return i < f.len && slow(cleat_bytes_of(f.data + i + 1, f.len - i - 1),
                             cleat_bytes_of(t.data + j + 1, t.len - j - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n = 0;
    while (n < size && data[n] != 0) {
        n++;
    }
    struct cleat_bytes f = cleat_bytes_of(data, n);
    struct cleat_bytes t =
        n < size ? cleat_bytes_of(data + n + 1, size - n - 1) : f;
    bool topic = cleat_mqtt_topic_valid(t);
    bool filter = cleat_mqtt_filter_valid(f);
    bool match = cleat_mqtt_topic_match(f, t);
    if (topic) {
        expect(cleat_mqtt_filter_valid(t));
        expect(cleat_mqtt_topic_match(t, t));
        expect(cleat_mqtt_topic_match(cleat_bytes_str("#"), t) ==
               (t.data[0] != '$'));
    }
    if (topic && filter) {
        bool hidden = t.data[0] == '$' && f.data[0] != '$';
        expect(match == (!hidden && slow(f, t)));
    }
    return 0;
}
