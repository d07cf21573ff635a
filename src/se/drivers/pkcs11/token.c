/* SPDX-License-Identifier: MIT */
/*
 * From an address to an open session with the identity's key in hand: modules,
 * the one token that matches, login, the one key that matches. p11-kit keeps
 * modules apart for several users in one process and notices a fork.
 */
#define _POSIX_C_SOURCE 200809L
#include "se/drivers/pkcs11/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleat/log.h"

#define SLOTS_MAX 64
#define MECHANISMS_MAX 512
#define KEYS_LISTED 8
#define FIND_MAX 64

/* Text of op->detail that names things. */
struct list {
    char *text;
    size_t cap, len;
};

static void list_add(struct list *l, const char *text) {
    int n = snprintf(l->text + l->len, l->cap - l->len, "%s", text);
    if (n > 0) {
        size_t room = l->cap - l->len - 1;
        l->len += (size_t)n < room ? (size_t)n : room;
    }
}

static struct list list_of(struct cleat_pkcs11 *t, const char *begin) {
    struct list l = {t->text, sizeof t->text, 0};
    t->text[0] = '\0';
    list_add(&l, begin);
    return l;
}

/* Modules. */

static void unload(struct cleat_pkcs11 *t) {
    if (t->one[0] != NULL) {
        (void)p11_kit_module_finalize(t->one[0]);
        p11_kit_module_release(t->one[0]);
        t->one[0] = NULL;
    } else if (t->modules != NULL) {
        p11_kit_modules_finalize_and_release(t->modules);
    }
    t->modules = NULL;
    t->fn = NULL;
}

static int load_one(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                    const char *path) {
    t->one[0] = p11_kit_module_load(path, 0);
    t->one[1] = NULL;
    if (t->one[0] == NULL) {
        const char *why = p11_kit_message();
        struct list l = list_of(t, "the pkcs11 module cannot be loaded: ");
        list_add(&l, why == NULL ? path : why);
        return cleat_pkcs11_words_say(op, CLEAT_ERR_NOT_FOUND, t->text);
    }
    CK_RV rv = p11_kit_module_initialize(t->one[0]);
    if (rv != CKR_OK) {
        p11_kit_module_release(t->one[0]);
        t->one[0] = NULL;
        op->detail.code = (int32_t)(uint32_t)rv;
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_IO,
            "the pkcs11 module does not start: is what it "
            "stands on (reader, service, files) there?");
    }
    t->modules = t->one;
    return 0;
}

/* Keep only the modules that the address allows. */
static void keep_named(struct cleat_pkcs11 *t, const char *wanted) {
    size_t kept = 0;
    for (size_t i = 0; t->modules[i] != NULL; i++) {
        char *name = p11_kit_module_get_name(t->modules[i]);
        if (name != NULL && strcmp(name, wanted) == 0) {
            t->modules[kept++] = t->modules[i];
        } else {
            p11_kit_module_release(t->modules[i]);
        }
        free(name); /* p11-kit made it with malloc. */
    }
    t->modules[kept] = NULL;
}

static int load_configured(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    const char *name = p11_kit_uri_get_module_name(t->uri);
    t->modules = p11_kit_modules_load(NULL, 0);
    if (t->modules != NULL && name != NULL) {
        keep_named(t, name);
    }
    if (t->modules == NULL || t->modules[0] == NULL) {
        unload(t);
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_NOT_FOUND,
            "p11-kit has no such module configured: name one with "
            "?module-path=FILE (see `p11-kit list-modules`)");
    }
    /* Those that do not start are taken out of the array. */
    (void)p11_kit_modules_initialize(t->modules,
                                     (p11_kit_destroyer)p11_kit_module_release);
    return 0;
}

static int load(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    const char *path = p11_kit_uri_get_module_path(t->uri);
    if (t->modules != NULL) {
        return 0;
    }
    p11_kit_be_quiet(); /* Words go through op->detail. */
    return path != NULL ? load_one(t, op, path) : load_configured(t, op);
}

/* The token. */

struct search {
    unsigned count; /**< Tokens that match the address. */
    unsigned absent;
    CK_FUNCTION_LIST *fn;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    struct list names;
};

/* In the list first: some modules complain aloud when they are asked about a
 * mechanism that they lack. */
static bool has(CK_FUNCTION_LIST *fn, CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                CK_FLAGS flags) {
    CK_MECHANISM_TYPE list[MECHANISMS_MAX];
    CK_ULONG count = MECHANISMS_MAX;
    CK_MECHANISM_INFO info;
    bool listed = false;
    if (fn->C_GetMechanismList(slot, list, &count) != CKR_OK) {
        return false;
    }
    for (CK_ULONG i = 0; i < count && i < MECHANISMS_MAX; i++) {
        listed = listed || list[i] == type;
    }
    return listed && fn->C_GetMechanismInfo(slot, type, &info) == CKR_OK &&
           (info.flags & flags) == flags;
}

static bool signs(CK_FUNCTION_LIST *fn, CK_SLOT_ID slot) {
    return has(fn, slot, CKM_ECDSA, CKF_SIGN);
}

static void name_token(struct list *l, const CK_TOKEN_INFO *info) {
    char label[40];
    char serial[24];
    char text[96];
    cleat_pkcs11_words_label(
        label, sizeof label, info->label,
        p11_kit_space_strlen(info->label, sizeof info->label));
    cleat_pkcs11_words_label(
        serial, sizeof serial, info->serialNumber,
        p11_kit_space_strlen(info->serialNumber, sizeof info->serialNumber));
    snprintf(text, sizeof text, " token=%s;serial=%s", label, serial);
    list_add(l, text);
}

static void look_at_slot(struct cleat_pkcs11 *t, struct search *s,
                         CK_FUNCTION_LIST *fn, CK_SLOT_ID slot) {
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(t->uri);
    CK_SLOT_INFO slot_info;
    CK_TOKEN_INFO info;
    if ((wanted != (CK_SLOT_ID)-1 && wanted != slot) ||
        fn->C_GetSlotInfo(slot, &slot_info) != CKR_OK ||
        !p11_kit_uri_match_slot_info(t->uri, &slot_info)) {
        return;
    }
    if (fn->C_GetTokenInfo(slot, &info) != CKR_OK) {
        s->absent++;
        return;
    }
    if ((info.flags & CKF_TOKEN_INITIALIZED) == 0 ||
        !p11_kit_uri_match_token_info(t->uri, &info)) {
        return;
    }
    /* Stores of trusted certificates are tokens too: a token that signs wins
     * over one that does not. */
    bool better = s->count > 0 && !signs(s->fn, s->slot) && signs(fn, slot);
    if (s->count > 0 && !better && !signs(fn, slot)) {
        return;
    }
    if (better) {
        s->count = 0;
        s->names = list_of(t, "");
    }
    name_token(&s->names, &info);
    s->count++;
    s->fn = fn;
    s->slot = slot;
    s->info = info;
}

static void look_at_module(struct cleat_pkcs11 *t, struct search *s,
                           CK_FUNCTION_LIST *fn) {
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = 0;
    CK_INFO info;
    if (fn->C_GetInfo(&info) != CKR_OK ||
        !p11_kit_uri_match_module_info(t->uri, &info)) {
        return;
    }
    /* Asking for the number makes a module look for slots that are new. */
    if (fn->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK) {
        return;
    }
    count = SLOTS_MAX;
    if (fn->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) {
        return;
    }
    for (CK_ULONG i = 0; i < count && i < SLOTS_MAX; i++) {
        look_at_slot(t, s, fn, slots[i]);
    }
}

static int find_token(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    struct search s;
    memset(&s, 0, sizeof s);
    s.names = list_of(t, "");
    for (size_t i = 0; t->modules[i] != NULL; i++) {
        look_at_module(t, &s, t->modules[i]);
    }
    if (s.count == 0) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_NOT_FOUND,
            "no token matches the pkcs11 uri: is it plugged in? "
            "(`p11-kit list-modules` shows the tokens)");
    }
    if (s.count > 1) {
        char names[CLEAT_PKCS11_TEXT_MAX];
        char begin[64];
        memcpy(names, t->text, sizeof names);
        snprintf(begin, sizeof begin,
                 "%u tokens match the pkcs11 uri:", s.count);
        struct list l = list_of(t, begin);
        list_add(&l, names);
        list_add(&l, "; name one with token= or serial=");
        return cleat_pkcs11_words_say(op, CLEAT_ERR_ARG, t->text);
    }
    t->text[0] = '\0';
    t->fn = s.fn;
    t->slot = s.slot;
    t->flags = s.info.flags;
    return 0;
}

/* What the token lacks is refused in words when it is asked for, not here: a
 * signature needs no key agreement. */
static void ask_abilities(struct cleat_pkcs11 *t) {
    CK_FUNCTION_LIST *fn = t->fn;
    t->able.sign = has(fn, t->slot, CKM_ECDSA, CKF_SIGN);
    t->able.verify = has(fn, t->slot, CKM_ECDSA, CKF_VERIFY);
    t->able.generate =
        has(fn, t->slot, CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    t->able.agree = has(fn, t->slot, CKM_ECDH1_DERIVE, CKF_DERIVE);
    t->able.random = (t->flags & CKF_RNG) != 0;
    CLEAT_LOG(CLEAT_LEVEL_INFO, "pkcs11",
              "token sign=%d verify=%d generate=%d agree=%d random=%d "
              "ecdhe=%s",
              t->able.sign, t->able.verify, t->able.generate, t->able.agree,
              t->able.random, t->host_ecdhe ? "host" : "token");
}

/* Login. */

static int login_allowed(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                         CK_TOKEN_INFO *info) {
    CK_RV rv = t->fn->C_GetTokenInfo(t->slot, info);
    if (rv != CKR_OK) {
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    if ((info->flags & CKF_USER_PIN_LOCKED) != 0) {
        return cleat_pkcs11_words_rv(t, op, CKR_PIN_LOCKED);
    }
    if ((info->flags & CKF_USER_PIN_INITIALIZED) == 0) {
        return cleat_pkcs11_words_rv(t, op, CKR_USER_PIN_NOT_INITIALIZED);
    }
    return t->pin_refused ? cleat_pkcs11_words_rv(t, op, CKR_PIN_INCORRECT) : 0;
}

static CK_RV login_with_pin(struct cleat_pkcs11 *t, CK_USER_TYPE who, char *pin,
                            size_t len) {
    CK_RV rv =
        t->fn->C_Login(t->session, who, (CK_UTF8CHAR_PTR)pin, (CK_ULONG)len);
    bool bad = rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
               rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_LOCKED;
    if (bad && cleat_pkcs11_pin_is_typed(t)) {
        cleat_wipe(t->pin, sizeof t->pin);
        t->pin_len = 0;
    } else if (bad) {
        t->pin_refused = true;
    }
    return rv;
}

int cleat_pkcs11_token_login(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                             CK_USER_TYPE who) {
    CK_TOKEN_INFO info;
    char pin[CLEAT_PKCS11_PIN_MAX + 1];
    const char *text = NULL;
    int err = login_allowed(t, op, &info);
    if (err != 0) {
        return err;
    }
    CK_RV rv;
    if ((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0) {
        rv = t->fn->C_Login(t->session, who, NULL, 0);
    } else {
        bool last = (info.flags & CKF_USER_PIN_FINAL_TRY) != 0;
        int len = cleat_pkcs11_pin_get(t, last, pin, &text);
        rv = len < 0 ? CKR_OK : login_with_pin(t, who, pin, (size_t)len);
        cleat_wipe(pin, sizeof pin);
        if (len < 0) {
            return cleat_pkcs11_words_say(op, len, text);
        }
    }
    /* Another part of this process may have logged in: the login is shared. */
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) {
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    return 0;
}

/* Objects. */

size_t cleat_pkcs11_token_attribute(struct cleat_pkcs11 *t, CK_OBJECT_HANDLE o,
                                    CK_ATTRIBUTE_TYPE type, void *out,
                                    size_t cap) {
    CK_ATTRIBUTE a = {type, out, (CK_ULONG)cap};
    if (t->fn->C_GetAttributeValue(t->session, o, &a, 1) != CKR_OK ||
        a.ulValueLen == CK_UNAVAILABLE_INFORMATION || a.ulValueLen > cap) {
        return 0;
    }
    return (size_t)a.ulValueLen;
}

int cleat_pkcs11_token_find(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                            CK_SESSION_HANDLE session, CK_ATTRIBUTE *match,
                            CK_ULONG match_count, CK_OBJECT_HANDLE *found,
                            size_t cap) {
    CK_OBJECT_HANDLE all[FIND_MAX];
    CK_ULONG total = 0;
    CK_ULONG n = 0;
    CK_RV rv = t->fn->C_FindObjectsInit(session, match, match_count);
    if (rv != CKR_OK) {
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    do {
        n = 0;
        rv = t->fn->C_FindObjects(session, all + total, FIND_MAX - total, &n);
        total += n;
    } while (rv == CKR_OK && n > 0 && total < FIND_MAX);
    (void)t->fn->C_FindObjectsFinal(session);
    if (rv != CKR_OK) {
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    if (total > FIND_MAX) {
        return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP,
                                      "the token's module miscounts objects");
    }
    memcpy(found, all, (total < cap ? total : cap) * sizeof all[0]);
    return (int)total;
}

static void name_key(struct cleat_pkcs11 *t, struct list *l,
                     CK_OBJECT_HANDLE key) {
    uint8_t raw[64];
    char label[65];
    char text[256];
    size_t len =
        cleat_pkcs11_token_attribute(t, key, CKA_LABEL, raw, sizeof raw);
    cleat_pkcs11_words_label(label, sizeof label, raw, len);
    snprintf(text, sizeof text, " object=%s;id=", label);
    list_add(l, text);
    len = cleat_pkcs11_token_attribute(t, key, CKA_ID, raw, sizeof raw);
    for (size_t i = 0; i < len; i++) {
        snprintf(text, sizeof text, "%%%02X", raw[i]);
        list_add(l, text);
    }
}

static int several_keys(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                        const CK_OBJECT_HANDLE *keys, int count) {
    char text[64];
    snprintf(text, sizeof text, "%d keys match the pkcs11 uri:", count);
    struct list l = list_of(t, text);
    for (int i = 0; i < count && i < KEYS_LISTED; i++) {
        name_key(t, &l, keys[i]);
    }
    if (count > KEYS_LISTED) {
        snprintf(text, sizeof text, " and %d more", count - KEYS_LISTED);
        list_add(&l, text);
    }
    list_add(&l, "; name one with object= or id=");
    return cleat_pkcs11_words_say(op, CLEAT_ERR_ARG, t->text);
}

static void describe_key(struct cleat_pkcs11 *t) {
    uint8_t params[64];
    CK_BBOOL each_time = CK_FALSE;
    size_t len = cleat_pkcs11_token_attribute(t, t->key, CKA_KEY_TYPE,
                                              &t->key_type, sizeof t->key_type);
    if (len != sizeof t->key_type) {
        t->key_type = CKK_EC;
    }
    len = cleat_pkcs11_token_attribute(t, t->key, CKA_EC_PARAMS, params,
                                       sizeof params);
    t->key_curve = cleat_pkcs11_key_curve(cleat_bytes_of(params, len));
    t->id_len =
        cleat_pkcs11_token_attribute(t, t->key, CKA_ID, t->id, sizeof t->id);
    len = cleat_pkcs11_token_attribute(t, t->key, CKA_ALWAYS_AUTHENTICATE,
                                       &each_time, sizeof each_time);
    t->key_asks_each_time = len == sizeof each_time && each_time == CK_TRUE;
}

static int find_key(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_OBJECT_HANDLE keys[KEYS_LISTED];
    CK_BBOOL lasting = CK_TRUE; /* Not another element's session keys. */
    CK_ATTRIBUTE match[4] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_TOKEN, &lasting, sizeof lasting}};
    CK_ULONG n = 2;
    CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(t->uri, CKA_LABEL);
    CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(t->uri, CKA_ID);
    if (label != NULL) {
        match[n++] = *label;
    }
    if (id != NULL) {
        match[n++] = *id;
    }
    int count =
        cleat_pkcs11_token_find(t, op, t->session, match, n, keys, KEYS_LISTED);
    if (count < 0) {
        return count;
    }
    if (count == 0) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_NOT_FOUND,
            "no private key on the token matches the pkcs11 uri: check "
            "object= and id= (`p11tool --list-all` or `pkcs11-tool -O -l` "
            "shows them)");
    }
    if (count > 1) {
        return several_keys(t, op, keys, count);
    }
    t->key = keys[0];
    describe_key(t);
    return 0;
}

/* Open and close. */

static int open_session(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    t->process = getpid();
    CK_RV rv = t->fn->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL,
                                    &t->session);
    if (rv != CKR_OK) {
        t->session = CLEAT_PKCS11_NONE;
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    int err = (t->flags & CKF_LOGIN_REQUIRED) == 0
                  ? 0
                  : cleat_pkcs11_token_login(t, op, CKU_USER);
    return err != 0 ? err : find_key(t, op);
}

int cleat_pkcs11_token_open(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    t->lost = t->lost || (t->open && t->process != getpid());
    if (t->lost) {
        cleat_pkcs11_token_unload(t);
    }
    cleat_pkcs11_token_close(t);
    int err = load(t, op);
    if (err == 0) {
        err = find_token(t, op);
    }
    if (err == 0) {
        ask_abilities(t);
        err = open_session(t, op);
    }
    if (err != 0) {
        cleat_pkcs11_token_close(t);
        return err;
    }
    t->open = true;
    t->lost = false;
    return 0;
}

void cleat_pkcs11_token_close(struct cleat_pkcs11 *t) {
    if (t->process != getpid()) {
        t->session = CLEAT_PKCS11_NONE; /* The parent's: not ours to close. */
    }
    for (size_t i = 0; i < CLEAT_PKCS11_SESSION_KEYS; i++) {
        cleat_pkcs11_key_forget(t, &t->pair[i]);
    }
    if (t->session != CLEAT_PKCS11_NONE) {
        /* The last session that closes logs out. */
        (void)t->fn->C_CloseSession(t->session);
        t->session = CLEAT_PKCS11_NONE;
    }
    t->key = CLEAT_PKCS11_NONE;
    t->open = false;
}

void cleat_pkcs11_token_unload(struct cleat_pkcs11 *t) {
    cleat_pkcs11_token_close(t);
    unload(t);
}
