/* SPDX-License-Identifier: MIT */
/*
 * Who is trusted, and who checks it: the element or the host, curves that the
 * element lacks, revocation lists, an anchor that the element holds.
 */
#include "rig.h"

#include <openssl/x509v3.h>
#include <string.h>

static void free_bytes(struct cleat_bytes b) {
    OPENSSL_free((void *)(uintptr_t)b.data);
}

/** A chain of three, each link with the key it is told. */
struct chain {
    struct pki ca, mid, leaf;
    struct cleat_bytes ca_der;
};

static struct chain chain_make(const char *ca, const char *mid,
                               const char *leaf) {
    struct chain c;
    c.ca = pki_make(
        &(struct pki_spec){.key = ca, .cn = "root of chain", .ca = true}, NULL);
    c.mid = pki_make(&(struct pki_spec){.key = mid, .cn = "middle", .ca = true},
                     &c.ca);
    c.leaf = pki_make(
        &(struct pki_spec){.key = leaf, .cn = "broker", .san = "DNS:localhost"},
        &c.mid);
    c.ca_der = pki_der(&c.ca);
    return c;
}

static void chain_free(struct chain *c) {
    free_bytes(c->ca_der);
    pki_free(&c->leaf);
    pki_free(&c->mid);
    pki_free(&c->ca);
}

static void chain_use(struct chain *c, struct rig *r) {
    rig_init(r);
    r->config.ca[0] = c->ca_der;
    r->spec.cert = &c->leaf;
    r->spec.extra = &c->mid;
}

static void the_host_checks_the_chain_if_it_is_told_to(void **state) {
    struct chain c = chain_make("P-256", "P-384", "P-256");
    (void)state;
    for (int v = CLEAT_TLS_VERSION_1_2; v <= CLEAT_TLS_VERSION_1_3; v++) {
        struct rig r;
        struct cleat_tls_info info;
        chain_use(&c, &r);
        r.config.version = (enum cleat_tls_version)v;
        r.config.chain = CLEAT_TLS_CHAIN_HOST;
        assert_int_equal(rig_go(&r), 0);
        cleat_tls_get_info(&r.tls, &info);
        assert_int_equal(info.calls->software_verify, 2);
        assert_int_equal(info.calls->verify, 1); /* of the key exchange */
        assert_int_equal(info.calls->sign, 1);
        rig_deinit(&r);
    }
    chain_free(&c);
}

static void a_curve_the_element_lacks_is_the_host_s(void **state) {
    static const char *const curves[] = {"P-521", "brainpoolP256r1",
                                         "brainpoolP384r1", "brainpoolP512r1"};
    (void)state;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        struct chain c = chain_make(curves[i], "P-256", "P-256");
        struct rig r;
        struct cleat_tls_info info;
        chain_use(&c, &r);
        r.config.chain = CLEAT_TLS_CHAIN_FALLBACK;
        assert_int_equal(rig_go(&r), 0);
        cleat_tls_get_info(&r.tls, &info);
        assert_int_equal(info.calls->software_verify, 1);
        assert_int_equal(info.calls->verify, 2);
        rig_deinit(&r);
        /* And by default it is refused. */
        chain_use(&c, &r);
        assert_int_not_equal(rig_go(&r), 0);
        rig_deinit(&r);
        chain_free(&c);
    }
}

/** A chain whose middle has the name of another: its signature is not good. */
static void the_host_refuses_a_signature_that_is_not_good(void **state) {
    static const char *const curves[] = {"P-256", "P-384", "P-521"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct chain c = chain_make(curves[i], "P-256", "P-256");
        struct chain same_names = chain_make(curves[i], "P-256", "P-256");
        struct rig r;
        chain_use(&c, &r);
        r.config.ca[0] = same_names.ca_der;
        r.config.chain = CLEAT_TLS_CHAIN_HOST;
        rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_UNKNOWN_CA, "unknown ca");
        rig_deinit(&r);
        chain_free(&same_names);
        chain_free(&c);
    }
}

/** What makes a list. */
struct list_spec {
    const struct pki *ca;
    const struct pki *revoked; /**< NULL: none. */
    long from_s, to_s;
    EVP_PKEY *key; /**< Signs; NULL: the CA's. */
};

static struct cleat_bytes list_make(const struct list_spec *spec) {
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = X509_gmtime_adj(NULL, spec->from_s);
    unsigned char *der = NULL;
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(spec->ca->cert));
    X509_CRL_set1_lastUpdate(crl, t);
    X509_gmtime_adj(t, spec->to_s);
    X509_CRL_set1_nextUpdate(crl, t);
    if (spec->revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_gmtime_adj(t, spec->from_s);
        X509_REVOKED_set_revocationDate(entry, t);
        X509_REVOKED_set_serialNumber(
            entry, X509_get_serialNumber(spec->revoked->cert));
        X509_CRL_add0_revoked(crl, entry);
    }
    ASN1_TIME_free(t);
    X509_CRL_sort(crl);
    X509_CRL_sign(crl, spec->key != NULL ? spec->key : spec->ca->key,
                  EVP_sha256());
    int len = i2d_X509_CRL(crl, &der);
    X509_CRL_free(crl);
    return cleat_bytes_of(der, (size_t)len);
}

static void use_list(struct rig *r, struct cleat_bytes list) {
    rig_init(r);
    r->config.crl = list;
}

static void a_revoked_server_is_refused_and_named(void **state) {
    const struct list_spec spec = {.ca = &rig_pki.ca,
                                   .revoked = &rig_pki.server,
                                   .from_s = -60,
                                   .to_s = 3600};
    struct cleat_bytes list = list_make(&spec);
    struct rig r;
    (void)state;
    for (int v = CLEAT_TLS_VERSION_1_2; v <= CLEAT_TLS_VERSION_1_3; v++) {
        use_list(&r, list);
        r.config.version = (enum cleat_tls_version)v;
        rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_REVOKED, "revoked");
        assert_has(r.words, "CN=broker");
        rig_deinit(&r);
    }
    free_bytes(list);
}

static void a_list_without_the_server_lets_it_in(void **state) {
    const struct list_spec spec = {
        .ca = &rig_pki.ca, .from_s = -60, .to_s = 3600};
    struct cleat_bytes list = list_make(&spec);
    struct cleat_tls_info info;
    struct rig r;
    (void)state;
    use_list(&r, list);
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_int_equal(info.calls->verify, 3); /* the list's signature too */
    rig_deinit(&r);
    free_bytes(list);
}

static void an_outdated_or_forged_list_is_no_list(void **state) {
    const struct list_spec outdated = {
        .ca = &rig_pki.ca, .from_s = -7200, .to_s = -3600};
    const struct list_spec forged = {.ca = &rig_pki.ca,
                                     .from_s = -60,
                                     .to_s = 3600,
                                     .key = rig_pki.device.key};
    const struct list_spec *const specs[] = {&outdated, &forged};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct cleat_bytes list = list_make(specs[i]);
        struct rig r;
        use_list(&r, list);
        rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_BAD_CRL, "revocation list");
        rig_deinit(&r);
        free_bytes(list);
    }
}

static void lists_may_be_pem(void **state) {
    static const char *const begin = "-----BEGIN X509 CRL-----\n";
    static const char *const end = "-----END X509 CRL-----\n";
    const struct list_spec spec = {.ca = &rig_pki.ca,
                                   .revoked = &rig_pki.server,
                                   .from_s = -60,
                                   .to_s = 3600};
    const struct list_spec other = {
        .ca = &rig_pki.device_ca, .from_s = -60, .to_s = 3600};
    struct cleat_bytes lists[] = {list_make(&other), list_make(&spec)};
    unsigned char text[4096];
    size_t len = 0;
    struct rig r;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        memcpy(text + len, begin, strlen(begin));
        len += strlen(begin);
        len += (size_t)EVP_EncodeBlock(text + len, lists[i].data,
                                       (int)lists[i].len);
        text[len++] = '\n';
        memcpy(text + len, end, strlen(end));
        len += strlen(end);
        free_bytes(lists[i]);
    }
    use_list(&r, cleat_bytes_of(text, len));
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_REVOKED, "revoked");
    rig_deinit(&r);
}

static void what_is_no_list_is_refused_at_once(void **state) {
    static const char *const junk[] = {"hello", "0123", "\x30\x03\x02\x01\x01"};
    struct cleat_detail detail;
    struct rig r;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        rig_init(&r);
        r.config.crl = cleat_bytes_str(junk[i]);
        assert_int_equal(cleat_tls_init(&r.tls, &r.config, &detail),
                         CLEAT_ERR_VERIFY);
        assert_has(detail.text, "revocation list");
        element_deinit(&r.element);
    }
}

static void the_anchor_may_lie_in_the_element(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.ca[0] = cleat_bytes_of(NULL, 0);
    r.config.ca_object = 0xE0E8;
    r.element.object = 0xE0E8;
    r.element.content = rig_pki.ca_der;
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(r.element.asked[CLEAT_SE_READ], 1);
    r.stream->close(r.stream->self);
    server_renew(&r.server);
    assert_int_equal(rig_connect(&r), 0);
    assert_int_equal(r.element.asked[CLEAT_SE_READ], 1); /* once is enough */
    rig_deinit(&r);
}

static void an_empty_or_missing_anchor_object_is_named(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.ca[0] = cleat_bytes_of(NULL, 0);
    r.config.ca_object = 0xE0E8;
    rig_fails(&r, CLEAT_ERR_NOT_FOUND, CLEAT_TLS_CHIP, "0xE0E8");
    rig_deinit(&r);
    rig_init(&r);
    r.config.ca[0] = cleat_bytes_of(NULL, 0);
    r.config.ca_object = 0xE0E8;
    r.element.object = 0xE0E8;
    r.element.content = cleat_bytes_str("nothing of the kind");
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_CONFIG, "0xE0E8");
    rig_deinit(&r);
}

static void the_anchor_of_another_ca_trusts_only_that(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.ca[0] = cleat_bytes_of(NULL, 0);
    r.config.ca_object = 0xE0E8;
    r.element.object = 0xE0E8;
    r.element.content = rig_pki.device_der;
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_UNKNOWN_CA, "unknown ca");
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_checks_the_chain_if_it_is_told_to),
        cmocka_unit_test(a_curve_the_element_lacks_is_the_host_s),
        cmocka_unit_test(the_host_refuses_a_signature_that_is_not_good),
        cmocka_unit_test(a_revoked_server_is_refused_and_named),
        cmocka_unit_test(a_list_without_the_server_lets_it_in),
        cmocka_unit_test(an_outdated_or_forged_list_is_no_list),
        cmocka_unit_test(lists_may_be_pem),
        cmocka_unit_test(what_is_no_list_is_refused_at_once),
        cmocka_unit_test(the_anchor_may_lie_in_the_element),
        cmocka_unit_test(an_empty_or_missing_anchor_object_is_named),
        cmocka_unit_test(the_anchor_of_another_ca_trusts_only_that),
    };
    return cmocka_run_group_tests_name("tls trust", tests, rig_group_setup,
                                       rig_group_teardown);
}
