/* SPDX-License-Identifier: MIT */
/*
 * Any PKCS#11 token on a host: smart card, TPM, HSM, SoftHSM. The identity key
 * and its certificate are found by a URI (RFC 7512); every call of the token
 * ends within start(), so a slow token holds up the element's task and no
 * other. Parts: pkcs11/token.h.
 */
#define _POSIX_C_SOURCE 200809L
#include <openssl/crypto.h>
#include <unistd.h>

#include "se/drivers/pkcs11/token.h"

#define RANDOM_CHUNK 1024u

static struct cleat_pkcs11 *token_of(void *ctx) {
    return *(struct cleat_pkcs11 **)ctx;
}

static void deinit(void *ctx) {
    struct cleat_pkcs11 *t = token_of(ctx);
    if (t == NULL) {
        return;
    }
    cleat_pkcs11_token_unload(t);
    p11_kit_uri_free(t->uri);
    OPENSSL_clear_free(t, sizeof *t);
    *(struct cleat_pkcs11 **)ctx = NULL;
}

/* The token itself is looked for at OPEN: it may come later. */
static int init(void *ctx, const struct cleat_se_config *config,
                struct cleat_detail *detail) {
    struct cleat_pkcs11 *t = OPENSSL_zalloc(sizeof *t);
    *(struct cleat_pkcs11 **)ctx = t;
    if (t == NULL) {
        return CLEAT_ERR_FULL;
    }
    int err = cleat_pkcs11_uri_parse(config->address, &t->uri, &t->host_ecdhe,
                                     &detail->text);
    if (err != 0) {
        OPENSSL_free(t);
        *(struct cleat_pkcs11 **)ctx = NULL;
    }
    return err;
}

static int fill_random(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    if (!t->able.random) {
        return cleat_pkcs11_words_rv(t, op, CKR_RANDOM_NO_RNG);
    }
    for (size_t done = 0; done < op->out.cap;) {
        size_t left = op->out.cap - done;
        size_t n = left < RANDOM_CHUNK ? left : RANDOM_CHUNK;
        CK_RV rv = t->fn->C_GenerateRandom(t->session, op->out.data + done, n);
        if (rv != CKR_OK) {
            return cleat_pkcs11_words_rv(t, op, rv);
        }
        done += n;
    }
    op->out.len = op->out.cap;
    return 0;
}

static int run(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    switch (op->type) {
    case CLEAT_SE_RANDOM:
        return fill_random(t, op);
    case CLEAT_SE_CERTIFICATE:
        return cleat_pkcs11_object_certificate(t, op);
    case CLEAT_SE_READ:
        return cleat_pkcs11_object_read(t, op);
    case CLEAT_SE_WRITE:
        return cleat_pkcs11_object_write(t, op);
    case CLEAT_SE_GENERATE:
        return cleat_pkcs11_key_generate(t, op);
    case CLEAT_SE_SIGN:
        return cleat_pkcs11_key_sign(t, op);
    case CLEAT_SE_VERIFY:
        return cleat_pkcs11_key_verify(t, op);
    case CLEAT_SE_AGREE:
        return cleat_pkcs11_key_agree(t, op);
    case CLEAT_SE_HASH:
        return cleat_pkcs11_host_hash(op);
    default:
        return cleat_pkcs11_words_say(op, CLEAT_ERR_UNSUPPORTED,
                                      "tokens have no counters and no "
                                      "metadata of this kind");
    }
}

/* A token that was pulled and is back is taken up again by whatever comes
 * next; its session keys are gone. So it is in the child of a fork, which must
 * not speak through its parent's session. */
static int run_open(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    if (t->lost || t->process != getpid()) {
        int err = cleat_pkcs11_token_open(t, op);
        t->open = true; /* Until CLOSE it is tried again. */
        t->lost = err != 0;
        if (err != 0) {
            return err;
        }
    }
    return run(t, op);
}

static int start(void *ctx, struct cleat_se_op *op, uint32_t now_us) {
    struct cleat_pkcs11 *t = token_of(ctx);
    (void)now_us;
    if (op->type == CLEAT_SE_OPEN) {
        op->err = cleat_pkcs11_token_open(t, op);
    } else if (op->type == CLEAT_SE_CLOSE) {
        cleat_pkcs11_token_close(t);
        op->err = 0;
    } else if (op->type == CLEAT_SE_RESET) {
        cleat_pkcs11_token_unload(t);
        op->err = 0;
    } else if (!t->open) {
        op->err = cleat_pkcs11_words_say(op, CLEAT_ERR_STATE,
                                         "the element is not open");
    } else {
        op->err = run_open(t, op);
    }
    if (op->err != 0) {
        op->out.len = 0;
    }
    return 0;
}

const struct cleat_se_driver cleat_se_driver_pkcs11 = {
    .name = "pkcs11",
    .summary = "any PKCS#11 token by its URI: smart card, TPM, HSM",
    .usage = "token=NAME;object=LABEL?pin-source=file:PATH",
    .can = CLEAT_SE_CAN_RANDOM | CLEAT_SE_CAN_CERTIFICATE |
           CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_SIGN | CLEAT_SE_CAN_VERIFY |
           CLEAT_SE_CAN_AGREE | CLEAT_SE_CAN_OBJECTS | CLEAT_SE_CAN_HASH,
    .session_first = CLEAT_SE_OBJECT_SESSION,
    .session_count = CLEAT_PKCS11_SESSION_KEYS,
    .ctx_size = sizeof(struct cleat_pkcs11 *),
    .init = init,
    .deinit = deinit,
    .start = start,
};
