/* SPDX-License-Identifier: MIT */
/* The element; see element.h. */
#include "element.h"

#include <string.h>

struct test_element test_element;

void test_element_cert(size_t len) {
    struct test_element *e = &test_element;
    memset(e->cert, 0x5A, len);
    e->cert[0] = 0x30;
    e->cert[1] = 0x82;
    e->cert[2] = (uint8_t)((len - 4) >> 8);
    e->cert[3] = (uint8_t)(len - 4);
    e->cert_len = len;
}

void test_element_reset(uint8_t number) {
    memset(&test_element, 0, sizeof test_element);
    memset(test_element.uid, number, sizeof test_element.uid);
    test_element_cert(300);
}

static int init(void *ctx, const struct cleat_se_config *config,
                struct cleat_detail *detail) {
    (void)ctx;
    (void)config;
    (void)detail;
    return CLEAT_OK;
}

static void deinit(void *ctx) {
    (void)ctx;
}

static int give(struct cleat_se_op *op, const uint8_t *data, size_t len,
                int err) {
    if (err != CLEAT_OK) {
        return err;
    }
    if (len > op->out.cap) {
        op->detail.layer = CLEAT_LAYER_CHIP;
        op->detail.text = "longer than the buffer";
        return CLEAT_ERR_SIZE;
    }
    memcpy(op->out.data, data, len);
    op->out.len = len;
    return CLEAT_OK;
}

static int start(void *ctx, struct cleat_se_op *op, uint32_t now_us) {
    struct test_element *e = &test_element;
    (void)ctx;
    (void)now_us;
    op->err = CLEAT_OK;
    switch (op->type) {
    case CLEAT_SE_OPEN:
        e->opens++;
        op->err = e->open_errors-- > 0 ? CLEAT_ERR_NACK : CLEAT_OK;
        break;
    case CLEAT_SE_RESET:
        e->resets++;
        break;
    case CLEAT_SE_CLOSE:
        e->closes++;
        break;
    case CLEAT_SE_READ:
        op->err = give(op, e->uid, sizeof e->uid, e->uid_error);
        break;
    case CLEAT_SE_CERTIFICATE:
        op->err = give(op, e->cert, e->cert_len, e->cert_error);
        break;
    default:
        op->err = CLEAT_ERR_UNSUPPORTED;
        break;
    }
    return CLEAT_OK;
}

const struct cleat_se_driver test_element_driver = {
    .name = "test",
    .summary = "an element of the tests",
    .usage = "",
    .can = CLEAT_SE_CAN_CERTIFICATE | CLEAT_SE_CAN_OBJECTS,
    .session_first = CLEAT_SE_OBJECT_SESSION,
    .session_count = 1,
    .ctx_size = 8,
    .init = init,
    .deinit = deinit,
    .start = start,
};
