/* SPDX-License-Identifier: MIT */
/* The least of src/se/se.c that lets the tests of src/tls run without it. */
#include <string.h>

#include "cleat/se.h"

int cleat_se_init(struct cleat_se *se, const struct cleat_se_driver *driver,
                  const struct cleat_se_config *config, struct cleat_task *task,
                  struct cleat_detail *detail) {
    memset(se, 0, sizeof *se);
    se->driver = driver;
    se->task = task;
    return driver->init(se->ctx, config, detail);
}

void cleat_se_deinit(struct cleat_se *se) {
    se->driver->deinit(se->ctx);
}

uint64_t cleat_se_step(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
    return CLEAT_NEVER;
}

int cleat_se_do(struct cleat_se *se, struct cleat_se_op *op,
                uint32_t timeout_ms) {
    (void)timeout_ms;
    se->driver->start(se->ctx, op, 0);
    return op->err;
}

int cleat_se_session_take(struct cleat_se *se) {
    for (int i = 0; i < se->driver->session_count; i++) {
        if ((se->sessions_used >> i & 1) == 0) {
            se->sessions_used = (uint16_t)(se->sessions_used | 1u << i);
            return se->driver->session_first + i;
        }
    }
    return CLEAT_ERR_FULL;
}

void cleat_se_session_give(struct cleat_se *se, uint16_t object) {
    int i = object - se->driver->session_first;
    se->sessions_used = (uint16_t)(se->sessions_used & ~(1u << i));
}

size_t cleat_curve_bytes(enum cleat_curve curve) {
    return curve == CLEAT_CURVE_P384 ? 48 : 32;
}
