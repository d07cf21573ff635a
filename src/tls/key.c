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

/* A handle is 64 bits: this, the object, the generation. A random scalar is
   that small with a chance of 2^-192, and never has these 32 bits. */
#define HANDLE_MAGIC 0xC1EA7A11u
#define HANDLE_LEN 8

struct handle {
    uint16_t object;
    uint16_t generation; /**< 0: the identity. */
};

static void handle_pack(const struct handle *h, uint8_t out[HANDLE_LEN]) {
    struct cleat_writer w = cleat_writer_of(out, HANDLE_LEN);
    cleat_write_u32(&w, HANDLE_MAGIC);
    cleat_write_u16(&w, h->object);
    cleat_write_u16(&w, h->generation);
}

/** @return false for a scalar that is no handle. */
static bool handle_read(const mbedtls_mpi *d, struct handle *h) {
    uint8_t bytes[HANDLE_LEN];
    if (d == NULL || mbedtls_mpi_bitlen(d) > 8 * HANDLE_LEN ||
        mbedtls_mpi_write_binary(d, bytes, sizeof bytes) != 0) {
        return false;
    }
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(bytes, sizeof bytes));
    uint32_t magic = cleat_read_u32(&r);
    h->object = cleat_read_u16(&r);
    h->generation = cleat_read_u16(&r);
    return magic == HANDLE_MAGIC;
}

enum cleat_curve cleat_tls_key_curve(mbedtls_ecp_group_id group) {
    switch (group) {
    case MBEDTLS_ECP_DP_SECP256R1:
        return CLEAT_CURVE_P256;
    case MBEDTLS_ECP_DP_SECP384R1:
        return CLEAT_CURVE_P384;
    default:
        return (enum cleat_curve)0;
    }
}

static const char *curve_name(mbedtls_ecp_group_id group) {
    const mbedtls_ecp_curve_info *info =
        mbedtls_ecp_curve_info_from_grp_id(group);
    return info == NULL ? "" : info->name;
}

/** Latch words of our own, beside the mbedTLS code that is returned. */
static int refuse(struct cleat_tls_ctx *c, enum cleat_tls_failure kind, int err,
                  int code, const char *text) {
    struct cleat_detail detail = {CLEAT_LAYER_TLS, code, 0, text};
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "tls", "%s",
              text != NULL ? text : cleat_strerror(err));
    if (c != NULL) {
        cleat_tls_latch(c, kind, err, &detail);
    }
    return code;
}

/** Find context and curve, or say what is missing. @return mbedTLS code. */
static int find(const mbedtls_ecp_group *grp, struct cleat_tls_ctx **c,
                enum cleat_curve *curve) {
    *c = cleat_tls_current();
    if (*c == NULL) {
        return refuse(NULL, CLEAT_TLS_CHIP, CLEAT_ERR_STATE,
                      MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED,
                      CLEAT_TEXT("key used outside of a tls connection"));
    }
    *curve = cleat_tls_key_curve(grp->id);
    if (*curve == 0) {
        return refuse(*c, CLEAT_TLS_UNSUPPORTED, CLEAT_ERR_UNSUPPORTED,
                      MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE,
                      CLEAT_TEXT("the element does not have this curve"));
    }
    return 0;
}

/**
 * Ask the element, count, and keep its own words if it fails.
 * @return an enum cleat_err; a bad signature is no failure of the element.
 */
static int chip_do(struct cleat_tls_ctx *c, struct cleat_se_op *op,
                   uint32_t *count) {
    int err = cleat_se_do(c->config.se, op, c->config.chip_timeout_ms);
    if (err == 0 || (err == CLEAT_ERR_VERIFY && op->type == CLEAT_SE_VERIFY)) {
        *count += op->on_host ? 0 : 1;
        return err;
    }
    c->calls.failed++;
    struct cleat_detail detail = op->detail;
    if (detail.layer == CLEAT_LAYER_NONE) {
        detail.layer = CLEAT_LAYER_CHIP;
        detail.object = op->object;
    }
    cleat_tls_latch(c, CLEAT_TLS_CHIP, err, &detail);
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "tls",
              "element failed op=%d object=0x%04x error=\"%s\" code=0x%lx",
              (int)op->type, (unsigned)op->object, cleat_strerror(err),
              (unsigned long)(uint32_t)detail.code);
    return err;
}

/** The element cannot be used: say why. @return mbedTLS code. */
static int chip_fault(struct cleat_tls_ctx *c, int err, uint16_t object,
                      const char *text) {
    const struct cleat_detail detail = {CLEAT_LAYER_CHIP, 0, object, text};
    c->calls.failed++;
    cleat_tls_latch(c, CLEAT_TLS_CHIP, err, &detail);
    return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
}

/** Ask the element for an answer of exactly len bytes. @return mbedTLS code. */
static int chip_ask(struct cleat_tls_ctx *c, struct cleat_se_op *op,
                    uint32_t *count, size_t len) {
    if (chip_do(c, op, count) != 0) {
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    if (op->out.len == len) {
        return 0;
    }
    return chip_fault(c, CLEAT_ERR_CHIP, op->object,
                      CLEAT_TEXT("the element's answer has a wrong length"));
}

/** A public key of the other side, for the element: mbedTLS accepts any
 *  numbers. @return mbedTLS code. */
static int point_write(const mbedtls_ecp_group *grp, const mbedtls_ecp_point *Q,
                       uint8_t out[CLEAT_SE_POINT_MAX], size_t *len) {
    int ret = mbedtls_ecp_check_pubkey(grp, Q);
    if (ret != 0) {
        return ret;
    }
    return mbedtls_ecp_point_write_binary(grp, Q, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                          len, out, CLEAT_SE_POINT_MAX);
}

static int session_take(struct cleat_tls_ctx *c) {
    if (c->session_object != 0) {
        return 0;
    }
    int object = cleat_se_session_take(c->config.se);
    if (object <= 0) {
        return chip_fault(c, object == 0 ? CLEAT_ERR_FULL : object, 0,
                          CLEAT_TEXT("every session key object is in use"));
    }
    c->session_object = (uint16_t)object;
    return 0;
}

void cleat_tls_key_release(struct cleat_tls_ctx *c) {
    if (c->session_object != 0) {
        cleat_se_session_give(c->config.se, c->session_object);
        c->session_object = 0;
    }
    c->session_group = MBEDTLS_ECP_DP_NONE;
}

/** A key pair in the session object: the handle goes to d, its point to Q. */
static int generate(mbedtls_ecp_group *grp, mbedtls_mpi *d,
                    mbedtls_ecp_point *Q, uint8_t usage) {
    struct cleat_tls_ctx *c;
    enum cleat_curve curve;
    int ret = find(grp, &c, &curve);
    if (ret != 0) {
        return ret;
    }
    ret = session_take(c);
    if (ret != 0) {
        return ret;
    }
    uint8_t point[CLEAT_SE_POINT_MAX];
    struct cleat_se_op op = {.type = CLEAT_SE_GENERATE,
                             .object = c->session_object,
                             .usage = usage,
                             .curve = curve,
                             .out = {point, sizeof point, 0}};
    ret =
        chip_ask(c, &op, &c->calls.generate, 1 + 2 * cleat_curve_bytes(curve));
    if (ret != 0) {
        return ret;
    }
    c->generation =
        (uint16_t)(c->generation == UINT16_MAX ? 1 : c->generation + 1);
    c->session_group = grp->id;
    c->session_usage = usage;
    c->curve = curve_name(grp->id);
    ret = mbedtls_ecp_point_read_binary(grp, Q, point, op.out.len);
    if (ret == 0) {
        ret = mbedtls_ecp_check_pubkey(grp, Q);
    }
    if (ret != 0) {
        return refuse(
            c, CLEAT_TLS_CHIP, CLEAT_ERR_CHIP, ret,
            CLEAT_TEXT("the element's new public key is not on its curve"));
    }
    const struct handle h = {c->session_object, c->generation};
    uint8_t bytes[HANDLE_LEN];
    handle_pack(&h, bytes);
    return mbedtls_mpi_read_binary(d, bytes, sizeof bytes);
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

/** @return true if d is the handle of the key generated last, for this use. */
static bool is_session(const struct cleat_tls_ctx *c,
                       const mbedtls_ecp_group *grp, const mbedtls_mpi *d,
                       uint8_t usage) {
    struct handle h;
    return handle_read(d, &h) && c->session_object != 0 &&
           h.object == c->session_object && h.generation == c->generation &&
           grp->id == c->session_group && usage == c->session_usage;
}

int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *grp, mbedtls_mpi *z,
                                const mbedtls_ecp_point *Q,
                                const mbedtls_mpi *d,
                                int (*f_rng)(void *, unsigned char *, size_t),
                                void *p_rng) {
    (void)f_rng;
    (void)p_rng;
    struct cleat_tls_ctx *c;
    enum cleat_curve curve;
    int ret = find(grp, &c, &curve);
    if (ret != 0) {
        return ret;
    }
    if (!is_session(c, grp, d, CLEAT_SE_USE_AGREE)) {
        return refuse(
            c, CLEAT_TLS_CHIP, CLEAT_ERR_DENIED, MBEDTLS_ERR_ECP_BAD_INPUT_DATA,
            CLEAT_TEXT("key agreement with a key outside the element refused"));
    }
    uint8_t point[CLEAT_SE_POINT_MAX];
    size_t point_len;
    ret = point_write(grp, Q, point, &point_len);
    if (ret != 0) {
        return refuse(
            c, CLEAT_TLS_BAD_POINT, CLEAT_ERR_PROTO, ret,
            CLEAT_TEXT("the server's public key is not on the curve"));
    }
    uint8_t secret[CLEAT_SE_FIELD_MAX];
    struct cleat_se_op op = {.type = CLEAT_SE_AGREE,
                             .object = c->session_object,
                             .curve = curve,
                             .key = {point, point_len},
                             .out = {secret, sizeof secret, 0}};
    ret = chip_ask(c, &op, &c->calls.agree, cleat_curve_bytes(curve));
    if (ret == 0) {
        ret = mbedtls_mpi_read_binary(z, secret, op.out.len);
    }
    cleat_wipe(secret, sizeof secret);
    return ret;
}

/** The part of a digest that ECDSA uses on this curve. */
static struct cleat_bytes digest_of(const unsigned char *buf, size_t len,
                                    enum cleat_curve curve) {
    size_t most = cleat_curve_bytes(curve);
    return cleat_bytes_of(buf, len < most ? len : most);
}

int mbedtls_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s,
                       const mbedtls_mpi *d, const unsigned char *buf,
                       size_t blen,
                       int (*f_rng)(void *, unsigned char *, size_t),
                       void *p_rng) {
    (void)f_rng;
    (void)p_rng;
    struct cleat_tls_ctx *c;
    enum cleat_curve curve;
    int ret = find(grp, &c, &curve);
    if (ret != 0) {
        return ret;
    }
    struct handle h;
    bool identity = handle_read(d, &h) && h.object == c->config.key_object &&
                    h.generation == 0;
    if (!identity && !is_session(c, grp, d, CLEAT_SE_USE_SIGN)) {
        return refuse(
            c, CLEAT_TLS_CHIP, CLEAT_ERR_DENIED, MBEDTLS_ERR_ECP_BAD_INPUT_DATA,
            CLEAT_TEXT("signing with a key outside the element refused"));
    }
    uint8_t signature[CLEAT_SE_SIGNATURE_MAX];
    size_t half = cleat_curve_bytes(curve);
    struct cleat_se_op op = {.type = CLEAT_SE_SIGN,
                             .object = h.object,
                             .curve = curve,
                             .in = digest_of(buf, blen, curve),
                             .out = {signature, sizeof signature, 0}};
    ret = chip_ask(c, &op, &c->calls.sign, 2 * half);
    if (ret == 0) {
        ret = mbedtls_mpi_read_binary(r, signature, half);
    }
    if (ret != 0) {
        return ret;
    }
    return mbedtls_mpi_read_binary(s, signature + half, half);
}

/** SEC 1, 4.1.4 step 1: r and s in 1..n-1. */
static bool in_range(const mbedtls_ecp_group *grp, const mbedtls_mpi *x) {
    return mbedtls_mpi_cmp_int(x, 1) >= 0 &&
           mbedtls_mpi_cmp_mpi(x, &grp->N) < 0;
}

int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *buf,
                         size_t blen, const mbedtls_ecp_point *Q,
                         const mbedtls_mpi *r, const mbedtls_mpi *s) {
    struct cleat_tls_ctx *c;
    enum cleat_curve curve;
    int ret = find(grp, &c, &curve);
    if (ret != 0) {
        return ret;
    }
    if (!in_range(grp, r) || !in_range(grp, s)) {
        return MBEDTLS_ERR_ECP_VERIFY_FAILED;
    }
    uint8_t point[CLEAT_SE_POINT_MAX];
    uint8_t signature[CLEAT_SE_SIGNATURE_MAX];
    size_t half = cleat_curve_bytes(curve);
    size_t point_len;
    ret = point_write(grp, Q, point, &point_len);
    if (ret == 0) {
        ret = mbedtls_mpi_write_binary(r, signature, half);
    }
    if (ret == 0) {
        ret = mbedtls_mpi_write_binary(s, signature + half, half);
    }
    if (ret != 0) {
        return ret;
    }
    struct cleat_se_op op = {.type = CLEAT_SE_VERIFY,
                             .curve = curve,
                             .in = digest_of(buf, blen, curve),
                             .key = {point, point_len},
                             .signature = {signature, 2 * half}};
    int err = chip_do(c, &op, &c->calls.verify);
    if (err == CLEAT_ERR_VERIFY) {
        return MBEDTLS_ERR_ECP_VERIFY_FAILED;
    }
    return err == 0 ? 0 : MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
}

int cleat_tls_key_random(void *arg, unsigned char *out, size_t len) {
    struct cleat_tls_ctx *c = arg;
    if (c->config.random != NULL) {
        int err = c->config.random(c->config.random_arg, out, len);
        if (err == 0) {
            c->calls.software_random++;
            return 0;
        }
        const struct cleat_detail detail = {
            CLEAT_LAYER_OS, 0, 0,
            CLEAT_TEXT("the host's random source failed")};
        cleat_tls_latch(c, CLEAT_TLS_CHIP, err, &detail);
        return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    struct cleat_se_op op = {.type = CLEAT_SE_RANDOM, .out = {out, len, 0}};
    return chip_ask(c, &op, &c->calls.random, len);
}

int cleat_tls_key_setup(struct cleat_tls_ctx *c, mbedtls_ecp_group_id group) {
    const struct handle h = {c->config.key_object, 0};
    uint8_t bytes[CLEAT_SE_FIELD_MAX] = {0};
    size_t len = cleat_curve_bytes(cleat_tls_key_curve(group));
    handle_pack(&h, bytes + len - HANDLE_LEN);
    int ret =
        mbedtls_pk_setup(&c->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (ret != 0) {
        return ret;
    }
    return mbedtls_ecp_read_key(group, mbedtls_pk_ec(c->key), bytes, len);
}

/** The certificate's public key as a point. @return 0 or mbedTLS code. */
static int own_point(struct cleat_tls_ctx *c, uint8_t *point, size_t cap,
                     size_t *len, enum cleat_curve *curve) {
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(c->own.pk);
    *curve = cleat_tls_key_curve(mbedtls_ecp_keypair_get_group_id(pair));
    return mbedtls_ecp_write_public_key(pair, MBEDTLS_ECP_PF_UNCOMPRESSED, len,
                                        point, cap);
}

int cleat_tls_key_check(struct cleat_tls_ctx *c, struct cleat_detail *detail) {
    uint8_t digest[32];
    uint8_t point[CLEAT_SE_POINT_MAX];
    uint8_t signature[CLEAT_SE_SIGNATURE_MAX];
    enum cleat_curve curve;
    size_t point_len;
    int ret = own_point(c, point, sizeof point, &point_len, &curve);
    if (ret != 0) {
        *detail = (struct cleat_detail){
            CLEAT_LAYER_TLS, ret, 0,
            CLEAT_TEXT("own certificate has no usable key")};
        return CLEAT_ERR_VERIFY;
    }
    if (cleat_tls_key_random(c, digest, sizeof digest) != 0) {
        *detail = c->latched.detail;
        return c->latched.err;
    }
    struct cleat_se_op sign = {.type = CLEAT_SE_SIGN,
                               .object = c->config.key_object,
                               .curve = curve,
                               .in = {digest, sizeof digest},
                               .out = {signature, sizeof signature, 0}};
    int err = chip_do(c, &sign, &c->calls.sign);
    if (err != 0) {
        *detail = c->latched.detail;
        return err;
    }
    struct cleat_se_op check = {.type = CLEAT_SE_VERIFY,
                                .curve = curve,
                                .in = {digest, sizeof digest},
                                .key = {point, point_len},
                                .signature = {signature, sign.out.len}};
    err = chip_do(c, &check, &c->calls.verify);
    if (err == CLEAT_ERR_VERIFY) {
        *detail = (struct cleat_detail){
            CLEAT_LAYER_TLS, 0, c->config.key_object,
            CLEAT_TEXT(
                "certificate and key of the element do not belong together")};
    } else if (err != 0) {
        *detail = c->latched.detail;
    }
    return err;
}
