/* SPDX-License-Identifier: MIT */
/*
 * Keys that live in the element, as mbedTLS sees them: the five functions that
 * mbedTLS leaves out (its ALT macros) are here and ask src/se instead. A key is
 * a handle in the place of the private scalar; a scalar that is no handle is
 * refused, so no software key can slip in.
 */
#include "context.h"

#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/error.h>
#include <string.h>

#include "cleat/log.h"

/* A handle is 31 bits: curve, usage, generation, object. A random scalar is
   that small with a chance of 2^-225. */
#define GENERATION_MAX 0x3ffu

/** Above the generation: what a handle can be used for. */
static uint32_t purpose(mbedtls_ecp_group_id group, uint8_t usage) {
    return (uint32_t)group << 1 | (usage == CLEAT_SE_USE_AGREE);
}

/** @param generation 0: the identity. @return mbedTLS code. */
static int put_handle(mbedtls_mpi *d, uint32_t *handle, uint32_t purpose,
                      uint16_t generation, uint16_t object) {
    *handle = (purpose & 0x1f) << 26 |
              (uint32_t)(generation & GENERATION_MAX) << 16 | object;
    return mbedtls_mpi_lset(d, (mbedtls_mpi_sint)*handle);
}

/** @return true if d is this handle, and it is for that. */
static bool is_handle(const mbedtls_mpi *d, uint32_t handle, uint32_t purpose) {
    return handle >> 26 == purpose &&
           mbedtls_mpi_cmp_int(d, (mbedtls_mpi_sint)handle) == 0;
}

enum cleat_curve cleat_tls_key_curve(mbedtls_ecp_group_id group) {
    if (group == MBEDTLS_ECP_DP_SECP256R1) {
        return CLEAT_CURVE_P256;
    }
    return CLEAT_SE_P384 && group == MBEDTLS_ECP_DP_SECP384R1
               ? CLEAT_CURVE_P384
               : (enum cleat_curve)0;
}

const char *cleat_tls_key_curve_name(mbedtls_ecp_group_id group) {
    const mbedtls_ecp_curve_info *info =
        mbedtls_ecp_curve_info_from_grp_id(group);
    return info == NULL ? "none" : info->name;
}

/** What is refused here, before or after the element was asked. */
enum refusal {
    NO_CONTEXT,
    NO_CURVE,
    NO_SLOT,
    ODD_LENGTH,
    ODD_POINT,
    FOREIGN,
    OFF_CURVE,
    ON_HOST
};

static const struct {
    uint8_t kind;  /**< enum cleat_tls_failure. */
    int8_t err;    /**< enum cleat_err. */
    uint8_t layer; /**< enum cleat_layer. */
} refusals[] = {
    [NO_CONTEXT] = {CLEAT_TLS_CHIP, CLEAT_ERR_STATE, CLEAT_LAYER_TLS},
    [NO_CURVE] = {CLEAT_TLS_UNSUPPORTED, CLEAT_ERR_UNSUPPORTED,
                  CLEAT_LAYER_TLS},
    [NO_SLOT] = {CLEAT_TLS_CHIP, CLEAT_ERR_FULL, CLEAT_LAYER_CHIP},
    [ODD_LENGTH] = {CLEAT_TLS_CHIP, CLEAT_ERR_CHIP, CLEAT_LAYER_CHIP},
    [ODD_POINT] = {CLEAT_TLS_CHIP, CLEAT_ERR_CHIP, CLEAT_LAYER_CHIP},
    [FOREIGN] = {CLEAT_TLS_CHIP, CLEAT_ERR_DENIED, CLEAT_LAYER_TLS},
    [OFF_CURVE] = {CLEAT_TLS_BAD_POINT, CLEAT_ERR_PROTO, CLEAT_LAYER_TLS},
    [ON_HOST] = {CLEAT_TLS_NOT_ON_CHIP, CLEAT_ERR_UNSUPPORTED,
                 CLEAT_LAYER_CHIP},
};

static const char *const refusal_texts[] = {
    [NO_CONTEXT] = "key used outside of a tls connection",
    [NO_CURVE] = "the element does not have this curve",
    [NO_SLOT] = "every session key object is in use",
    [ODD_LENGTH] = "the element's answer has a wrong length",
    [ODD_POINT] = "the element's new public key is not on its curve",
    [FOREIGN] = "use of a key outside the element refused",
    [OFF_CURVE] = "the server's public key is not on the curve",
    [ON_HOST] = "its driver had to do an operation on the host",
};

/** Latch why it is refused. @return mbedTLS code: it needs to know no more. */
static int refuse(struct cleat_tls_ctx *c, enum refusal why) {
    const int code = MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    enum cleat_tls_failure kind = (enum cleat_tls_failure)refusals[why].kind;
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "tls", "%s",
              CLEAT_TEXTS ? refusal_texts[why]
                          : cleat_strerror(refusals[why].err));
    if (c != NULL && cleat_tls_latch(c, kind, refusals[why].err)) {
        c->run.trouble.detail =
            (struct cleat_detail){(enum cleat_layer)refusals[why].layer, code,
                                  0, CLEAT_TEXTS ? refusal_texts[why] : NULL};
    }
    return code;
}

/** @return err, unless it must not be. */
static int done_on_host(struct cleat_tls_ctx *c, int err) {
    c->run.calls.on_host++;
    if (!c->config.chip_only) {
        return err;
    }
    (void)refuse(c, ON_HOST);
    return CLEAT_ERR_UNSUPPORTED;
}

/* A bad signature is no failure of the element. */
int cleat_tls_key_ask(struct cleat_tls_job *j, uint32_t *count) {
    struct cleat_tls_ctx *c = j->c;
    struct cleat_se_op *op = &j->op;
    int err = cleat_se_do(c->config.se, op, c->config.chip_timeout_ms);
    if (err == 0 || (err == CLEAT_ERR_VERIFY && op->type == CLEAT_SE_VERIFY)) {
        if (CLEAT_TLS_CHIP_ONLY && op->on_host) {
            return done_on_host(c, err);
        }
        if (CLEAT_TLS_COUNTS) {
            *count += op->on_host ? 0 : 1;
        }
        return err;
    }
    if (CLEAT_TLS_COUNTS) {
        c->run.calls.failed++;
    }
    if (op->detail.layer == CLEAT_LAYER_NONE) {
        op->detail.layer = CLEAT_LAYER_CHIP;
        op->detail.object = op->object;
    }
    if (cleat_tls_latch(c, CLEAT_TLS_CHIP, err)) {
        c->run.trouble.detail = op->detail;
    }
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "tls",
              "element failed op=%d object=0x%04x error=\"%s\" code=0x%lx",
              (int)op->type, (unsigned)op->object, cleat_strerror(err),
              (unsigned long)(uint32_t)op->detail.code);
    return err;
}

struct cleat_tls_job *cleat_tls_key_job(struct cleat_tls_ctx *c,
                                        enum cleat_se_op_type type) {
    struct cleat_tls_job *j = &c->job;
    memset(j, 0, sizeof *j);
    j->c = c;
    j->op.type = type;
    return j;
}

/** Ask the element for an answer of exactly len bytes. @return mbedTLS code. */
static int chip_ask(struct cleat_tls_job *j, uint32_t *count, size_t len) {
    if (cleat_tls_key_ask(j, count) != 0) {
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    return j->op.out.len == len ? 0 : refuse(j->c, ODD_LENGTH);
}

static int session_take(struct cleat_tls_ctx *c) {
    if (c->session_object != 0) {
        return 0;
    }
    int object = cleat_se_session_take(c->config.se);
    if (object <= 0) {
        return refuse(c, NO_SLOT);
    }
    c->session_object = (uint16_t)object;
    return 0;
}

void cleat_tls_key_release(struct cleat_tls_ctx *c) {
    if (c->session_object != 0) {
        cleat_se_session_give(c->config.se, c->session_object);
        c->session_object = 0;
        c->session_handle = 0;
    }
}

/** A job with the session's key, on a curve that the element has.
 *  @return NULL: it was refused. */
static struct cleat_tls_job *begin(const mbedtls_ecp_group *grp,
                                   enum cleat_se_op_type type) {
    struct cleat_tls_ctx *c = cleat_tls_current();
    if (c == NULL) {
        (void)refuse(NULL, NO_CONTEXT);
        return NULL;
    }
    struct cleat_tls_job *j = cleat_tls_key_job(c, type);
    j->op.object = c->session_object;
    j->op.curve = cleat_tls_key_curve(grp->id);
    j->op.out.data = j->answer;
    j->op.out.cap = sizeof j->answer;
    j->half = (grp->pbits + 7) / 8;
    if (j->op.curve == 0) {
        (void)refuse(c, NO_CURVE);
        return NULL;
    }
    return j;
}

/** A public key of the other side, for the element: mbedTLS accepts any
 *  numbers. @return mbedTLS code. */
static int put_point(struct cleat_tls_job *j, const mbedtls_ecp_group *grp,
                     const mbedtls_ecp_point *Q) {
    int ret = mbedtls_ecp_check_pubkey(grp, Q);
    if (ret == 0) {
        j->op.key.data = j->point;
        ret = mbedtls_ecp_point_write_binary(
            grp, Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &j->op.key.len, j->point,
            sizeof j->point);
    }
    return ret;
}

/** The part of a digest that ECDSA uses on this curve. */
static void put_digest(struct cleat_tls_job *j, const unsigned char *buf,
                       size_t len) {
    j->op.in = cleat_bytes_of(buf, len < j->half ? len : j->half);
}

/** @return mbedTLS code. */
static int generate_now(struct cleat_tls_job *j, uint8_t usage) {
    int ret = session_take(j->c);
    if (ret != 0) {
        return ret;
    }
    j->op.object = j->c->session_object;
    j->op.usage = usage;
    return chip_ask(j, &j->c->run.calls.generate, 1 + 2 * j->half);
}

/** A key pair in the session object: the handle goes to d, its point to Q. */
static int generate(mbedtls_ecp_group *grp, mbedtls_mpi *d,
                    mbedtls_ecp_point *Q, uint8_t usage) {
    struct cleat_tls_job *j = begin(grp, CLEAT_SE_GENERATE);
    int ret = 0;
    if (j == NULL) {
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    struct cleat_tls_ctx *c = j->c;
    c->generation++;
    c->run.curve = grp->id;
    if (!CLEAT_TLS_READY || usage != CLEAT_SE_USE_AGREE ||
        !cleat_tls_ready_key(c, j->op.curve, &j->op.out)) {
        ret = generate_now(j, usage);
    }
    if (ret != 0) {
        return ret;
    }
    if (mbedtls_ecp_point_read_binary(grp, Q, j->answer, j->op.out.len) != 0 ||
        mbedtls_ecp_check_pubkey(grp, Q) != 0) {
        return refuse(c, ODD_POINT);
    }
    return put_handle(d, &c->session_handle, purpose(grp->id, usage),
                      c->generation, c->session_object);
}

int mbedtls_ecdh_gen_public(mbedtls_ecp_group *grp, mbedtls_mpi *d,
                            mbedtls_ecp_point *Q,
                            int (*f_rng)(void *, unsigned char *, size_t),
                            void *p_rng) {
    (void)f_rng;
    (void)p_rng;
    return generate(grp, d, Q, CLEAT_SE_USE_AGREE);
}

/* TLS itself never calls it; a key for signing lives in the session object as
   long as the connection. Enrolment asks the element for a lasting one. */
int mbedtls_ecdsa_genkey(mbedtls_ecdsa_context *ctx, mbedtls_ecp_group_id gid,
                         int (*f_rng)(void *, unsigned char *, size_t),
                         void *p_rng) {
    (void)f_rng;
    (void)p_rng;
    int ret = mbedtls_ecp_group_load(&ctx->MBEDTLS_PRIVATE(grp), gid);
    if (ret != 0) {
        return ret;
    }
    return generate(&ctx->MBEDTLS_PRIVATE(grp), &ctx->MBEDTLS_PRIVATE(d),
                    &ctx->MBEDTLS_PRIVATE(Q), CLEAT_SE_USE_SIGN);
}

int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *grp, mbedtls_mpi *z,
                                const mbedtls_ecp_point *Q,
                                const mbedtls_mpi *d,
                                int (*f_rng)(void *, unsigned char *, size_t),
                                void *p_rng) {
    (void)f_rng;
    (void)p_rng;
    struct cleat_tls_job *j = begin(grp, CLEAT_SE_AGREE);
    if (j == NULL) {
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    if (!is_handle(d, j->c->session_handle,
                   purpose(grp->id, CLEAT_SE_USE_AGREE))) {
        return refuse(j->c, FOREIGN);
    }
    int ret = put_point(j, grp, Q);
    if (ret == MBEDTLS_ERR_ECP_INVALID_KEY) {
        (void)refuse(j->c, OFF_CURVE);
    }
    if (ret != 0) {
        return ret;
    }
    ret = chip_ask(j, &j->c->run.calls.agree, j->half);
    if (ret == 0) {
        ret = mbedtls_mpi_read_binary(z, j->answer, j->half);
    }
    cleat_wipe(j->answer, sizeof j->answer);
    return ret;
}

int mbedtls_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s,
                       const mbedtls_mpi *d, const unsigned char *buf,
                       size_t blen,
                       int (*f_rng)(void *, unsigned char *, size_t),
                       void *p_rng) {
    (void)f_rng;
    (void)p_rng;
    struct cleat_tls_job *j = begin(grp, CLEAT_SE_SIGN);
    if (j == NULL) {
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    const uint32_t signing = purpose(grp->id, CLEAT_SE_USE_SIGN);
    if (is_handle(d, j->c->identity_handle, signing)) {
        j->op.object = j->c->config.key_object;
    } else if (!is_handle(d, j->c->session_handle, signing)) {
        return refuse(j->c, FOREIGN);
    }
    put_digest(j, buf, blen);
    int ret = chip_ask(j, &j->c->run.calls.sign, 2 * j->half);
    if (ret == 0) {
        ret = mbedtls_mpi_read_binary(r, j->answer, j->half);
    }
    if (ret == 0) {
        ret = mbedtls_mpi_read_binary(s, j->answer + j->half, j->half);
    }
    return ret;
}

/** @return true if the settings leave this check to the host. */
static bool by_software(struct cleat_tls_ctx *c, mbedtls_ecp_group_id group) {
    if (c == NULL || c->config.chain == CLEAT_TLS_CHAIN_ELEMENT) {
        return false;
    }
    bool chain =
        c->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
    if (cleat_tls_key_curve(group) != 0 &&
        (c->config.chain == CLEAT_TLS_CHAIN_FALLBACK || !chain)) {
        return false;
    }
    c->run.calls.software_verify++;
    return true;
}

int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *buf,
                         size_t blen, const mbedtls_ecp_point *Q,
                         const mbedtls_mpi *r, const mbedtls_mpi *s) {
    if (CLEAT_TLS_SOFTWARE && by_software(cleat_tls_current(), grp->id)) {
        return cleat_tls_software_verify(grp, buf, blen, Q, r, s);
    }
    struct cleat_tls_job *j = begin(grp, CLEAT_SE_VERIFY);
    if (j == NULL) {
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    int ret = put_point(j, grp, Q);
    if (ret != 0) {
        return ret;
    }
    /* SEC 1, 4.1.4 step 1: r and s in 1..n-1, as a private key is. */
    if (mbedtls_ecp_check_privkey(grp, r) != 0 ||
        mbedtls_ecp_check_privkey(grp, s) != 0 ||
        mbedtls_mpi_write_binary(r, j->answer, j->half) != 0 ||
        mbedtls_mpi_write_binary(s, j->answer + j->half, j->half) != 0) {
        return MBEDTLS_ERR_ECP_VERIFY_FAILED;
    }
    put_digest(j, buf, blen);
    j->op.signature = cleat_bytes_of(j->answer, 2 * j->half);
    int err = cleat_tls_key_ask(j, &j->c->run.calls.verify);
    if (err == CLEAT_ERR_VERIFY) {
        return MBEDTLS_ERR_ECP_VERIFY_FAILED;
    }
    return err == 0 ? 0 : MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
}

int cleat_tls_key_random(void *arg, unsigned char *out, size_t len) {
    struct cleat_tls_ctx *c = arg;
    if (CLEAT_TLS_SOURCES && c->config.random != NULL) {
        int err = c->config.random(c->config.random_arg, out, len);
        if (err == 0) {
            c->run.calls.software_random++;
            return 0;
        }
        if (cleat_tls_latch(c, CLEAT_TLS_CHIP, err)) {
            c->run.trouble.detail = (struct cleat_detail){
                CLEAT_LAYER_OS, 0, 0,
                CLEAT_TEXT("the host's random source failed")};
        }
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    if (CLEAT_TLS_RESUMPTION && c->run.offered) {
        return cleat_tls_session_random(c, out, len);
    }
    if (CLEAT_TLS_READY && cleat_tls_ready_random(c, out, len)) {
        return 0;
    }
    struct cleat_tls_job *j = cleat_tls_key_job(c, CLEAT_SE_RANDOM);
    j->op.out.data = out;
    j->op.out.cap = len;
    return chip_ask(j, &c->run.calls.random, len);
}

int cleat_tls_key_setup(struct cleat_tls_ctx *c, mbedtls_ecp_keypair *pair,
                        mbedtls_ecp_group_id group) {
    return put_handle(&pair->MBEDTLS_PRIVATE(d), &c->identity_handle,
                      purpose(group, CLEAT_SE_USE_SIGN), 0,
                      c->config.key_object);
}

/** Sign with the key, verify with the certificate. @return mbedTLS code. */
static int sign_and_verify(struct cleat_tls_ctx *c) {
    uint8_t digest[32];
    uint8_t signature[MBEDTLS_ECDSA_MAX_SIG_LEN(8 * CLEAT_SE_FIELD_MAX)];
    size_t len;
    int ret = cleat_tls_key_random(c, digest, sizeof digest);
    if (ret == 0) {
        ret = mbedtls_pk_sign(&c->own.pk, MBEDTLS_MD_SHA256, digest,
                              sizeof digest, signature, sizeof signature, &len,
                              cleat_tls_key_random, c);
    }
    if (ret == 0) {
        ret = mbedtls_pk_verify(&c->own.pk, MBEDTLS_MD_SHA256, digest,
                                sizeof digest, signature, len);
    }
    return ret;
}

int cleat_tls_check_identity(struct cleat_tls *t, struct cleat_detail *detail) {
    struct cleat_tls_ctx *c = cleat_tls_context(t);
    struct cleat_detail none;
    if (detail == NULL) {
        detail = &none;
    }
    *detail = (struct cleat_detail){0};
    if (c->state != CLEAT_TLS_IDLE) {
        return CLEAT_ERR_STATE;
    }
    c->run.trouble = (struct cleat_tls_trouble){0};
    void *before = cleat_tls_enter(c);
    int ret = sign_and_verify(c);
    cleat_tls_leave(before);
    int err = c->run.trouble.err;
    if (err != 0) {
        *detail = c->run.trouble.detail;
    } else if (ret != 0) {
        err = cleat_tls_complain(detail, CLEAT_TLS_NO_MATCH, ret);
        detail->object = c->config.key_object;
    }
    c->run.trouble = (struct cleat_tls_trouble){0};
    return err;
}
