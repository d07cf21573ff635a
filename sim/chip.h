/* SPDX-License-Identifier: MIT */
/*
 * The chip's insides, shared by the files of this folder and by nobody else.
 * Bytes come in at registers.c, go down through link.c, transport.c and
 * command.c to the cmd_ files, and the answer comes back the same way.
 */
#ifndef CLEAT_SIM_CHIP_H
#define CLEAT_SIM_CHIP_H

#include <openssl/evp.h>

#include "cleat/bytes.h"
#include "cleat/error.h"
#include "sim/sim.h"

#define SIM_FRAME_MAX 277 /* DATA_REG_LEN of the product */
#define SIM_FRAME_OVER 5  /* FCTR, LEN, FCS */
#define SIM_APDU_MAX 1557 /* object 0xE0C6 */
#define SIM_OUT_MAX 1553  /* APDU without its header */
#define SIM_SEAL_OVER 13  /* SCTR, sequence number, tag */
#define SIM_MESSAGE_MAX (SIM_APDU_MAX + SIM_SEAL_OVER)
#define SIM_KEY_BLOCK 40 /* two AES-128 keys, two nonce prefixes */
#define SIM_RND_LEN 32
#define SIM_KEY_MAX 1400  /* DER of an RSA-2048 private key, and room */
#define SIM_SECRET_MAX 72 /* what a session object keeps */
#define SIM_SESSIONS 4    /* 0xE100..0xE103 */
#define SIM_META_MAX 44   /* container with its two header bytes */
#define SIM_OBJECT_MAX 64
#define SIM_HASH_CTX_LEN 209
#define SIM_FAULT_MAX 256
#define SIM_HANG_RESET 1 /* the reset line, or power */
#define SIM_HANG_POWER 2

/* Codes of object 0xF1C2. */
enum cleat_sim_error {
    SIM_OK = 0x00,
    SIM_E_OID = 0x01,
    SIM_E_PARAM = 0x03,
    SIM_E_LENGTH = 0x04,
    SIM_E_DATA = 0x05,
    SIM_E_INTERNAL = 0x06,
    SIM_E_ACCESS = 0x07,
    SIM_E_BOUNDARY = 0x08,
    SIM_E_TRUNCATION = 0x09,
    SIM_E_COMMAND = 0x0A,
    SIM_E_SEQUENCE = 0x0B,
    SIM_E_UNAVAILABLE = 0x0C,
    SIM_E_MEMORY = 0x0D,
    SIM_E_COUNTER = 0x0E,
    SIM_E_MANIFEST = 0x0F,
    SIM_E_VERSION = 0x10,
    SIM_E_METADATA = 0x11,
    SIM_E_EXTENSION = 0x24,
    SIM_E_UNSUPPORTED = 0x25,
    SIM_E_CERT_FORMAT = 0x29,
    SIM_E_CERT = 0x2A,
    SIM_E_SIGNATURE = 0x2C,
    SIM_E_INTEGRITY = 0x2D,
    SIM_E_DECRYPT = 0x2E,
    SIM_E_AUTHORIZE = 0x2F,
    SIM_E_OFF_CURVE = 0x100 /* ours: becomes SIM_E_DATA, and may cost */
};

enum cleat_sim_kind {
    SIM_DATA = 1, /* bytes */
    SIM_BYTE,     /* one byte with rules of its own */
    SIM_KEY_EC,
    SIM_KEY_RSA,
    SIM_KEY_AES
};

/* Metadata tags. */
enum {
    SIM_T_LCSO = 0xC0,
    SIM_T_VERSION = 0xC1,
    SIM_T_MAX = 0xC4,
    SIM_T_USED = 0xC5,
    SIM_T_CHANGE = 0xD0,
    SIM_T_READ = 0xD1,
    SIM_T_EXECUTE = 0xD3,
    SIM_T_META = 0xD8,
    SIM_T_ALG = 0xE0,
    SIM_T_USAGE = 0xE1,
    SIM_T_TYPE = 0xE8,
    SIM_T_RESET = 0xF0
};

/* Life cycle. */
enum { SIM_LCS_CR = 1, SIM_LCS_IN = 3, SIM_LCS_OP = 7, SIM_LCS_TE = 15 };

/* Algorithms. */
enum {
    SIM_A_P256 = 0x03,
    SIM_A_P384 = 0x04,
    SIM_A_P521 = 0x05,
    SIM_A_BP256 = 0x13,
    SIM_A_BP384 = 0x15,
    SIM_A_BP512 = 0x16,
    SIM_A_RSA1024 = 0x41,
    SIM_A_RSA2048 = 0x42,
    SIM_A_AES128 = 0x81,
    SIM_A_AES192 = 0x82,
    SIM_A_AES256 = 0x83
};

/* Key usage. */
enum {
    SIM_U_AUTH = 0x01,
    SIM_U_ENC = 0x02,
    SIM_U_SIGN = 0x10,
    SIM_U_AGREE = 0x20
};

/* A private key as OpenSSL writes it, or a raw AES key. len 0: none. */
struct cleat_sim_key {
    uint8_t alg;
    uint8_t usage;
    size_t len;
    uint8_t der[SIM_KEY_MAX];
};

/* One of the session objects: a key or a secret, or neither. */
struct cleat_sim_session {
    struct cleat_sim_key key;
    size_t secret_len;
    uint8_t secret[SIM_SECRET_MAX];
};

/* Simple TLVs sorted by tag, without the sizes C4 and C5. */
struct cleat_sim_meta {
    size_t len;
    uint8_t tlv[SIM_META_MAX];
};

struct cleat_sim_object {
    uint16_t oid;
    enum cleat_sim_kind kind;
    uint16_t cap;
    uint16_t used;
    uint8_t *data;
    struct cleat_sim_key *key; /* key objects only */
    struct cleat_sim_meta meta;
};

/* Data link, one frame in flight each way. */
struct cleat_sim_link {
    uint8_t rx_last, tx_last;
    bool control_set;    /* an ACK, NAK or resync waits to be read */
    uint8_t control;     /* its FCTR */
    uint64_t control_at; /* not offered before */
    bool frame_set;      /* a data frame is not acknowledged yet */
    bool frame_read;     /* the host has fetched it */
    uint64_t frame_at;   /* not offered before: the command executes */
    uint64_t resend_at;
    unsigned repeats;
    unsigned idle_polls; /* states with neither bit still to show */
    size_t frame_len;
    uint8_t frame[SIM_FRAME_MAX];
};

struct cleat_sim_transport {
    bool chaining; /* first fragment seen, last not */
    bool overflow; /* longer than any message may be */
    bool presence; /* of the chain's first packet */
    size_t in_len, out_len, out_pos;
    uint8_t in[SIM_MESSAGE_MAX];
    uint8_t out[SIM_MESSAGE_MAX];
};

enum cleat_sim_shield_state {
    SIM_SHIELD_NONE = 0, /* no keys */
    SIM_SHIELD_HELLO,    /* keys made, Finished awaited */
    SIM_SHIELD_UP,
    SIM_SHIELD_SILENT /* another secret there: deaf until reset */
};

/* Keys and the last number used or accepted, each way. */
struct cleat_sim_channel {
    uint8_t keys[SIM_KEY_BLOCK];
    uint32_t host_seq, chip_seq;
};

/* Presentation layer. */
struct cleat_sim_shield {
    enum cleat_sim_shield_state state;
    bool mandatory;                    /* PRESENCE was seen since reset */
    bool cmd_protected, rsp_protected; /* of the running command */
    unsigned resends, refusals;        /* alerts 44 in a row, either way */
    struct cleat_sim_channel channel;
    uint8_t rnd[SIM_RND_LEN];
    uint8_t sctr; /* of the last record; its answer, for a resend */
    size_t answer_len;
    uint8_t answer[SIM_APDU_MAX];
};

/* Security event counter. */
struct cleat_sim_sec {
    uint8_t count;
    uint8_t credit;
    uint64_t mark_us; /* start of the running tmax */
};

/* Context of a running hash. */
struct cleat_sim_hash {
    bool active;
    uint8_t state[SIM_HASH_CTX_LEN];
};

/* A running EncryptSym or DecryptSym sequence. */
struct cleat_sim_sym {
    bool active, encrypt;
    uint8_t param;
    size_t key_len;
    uint8_t key[32];
    uint8_t iv[16];   /* what the next block chains to */
    EVP_MAC_CTX *mac; /* CMAC and HMAC */
};

/* A running protected update, as its manifest wants it. */
struct cleat_sim_update {
    bool active, erase, sealed;
    uint8_t payload;    /* 0 data, 1 metadata, 2 key */
    uint8_t alg, usage; /* metadata: alg says what becomes of the contents */
    uint16_t anchor, secret, target; /* secret 0: not encrypted */
    uint16_t version;
    uint16_t fragments;
    uint32_t offset, size, done;
    uint8_t digest[32];         /* of the next fragment */
    uint8_t keys[27];           /* AES-128 key, 11 bytes of nonce */
    uint8_t short_payload[256]; /* of a key or of metadata */
};

/* A write that is not done before until_us, and not whole if power goes. */
struct cleat_sim_tearing {
    uint16_t oid; /* 0: none */
    uint16_t offset, len;
    uint64_t from_us, until_us;
};

struct cleat_sim {
    struct cleat_i2c bus;
    struct cleat_sim_options opt;
    struct cleat_sim_fault faults[SIM_FAULT_MAX];
    size_t fault_count;
    uint64_t rng;
    uint64_t transfers;
    uint64_t clock_ns; /* virtual time */
    struct cleat_sim_costs costs;
    uint64_t costs_bus_ns;
    uint64_t costs_from_us;
    char *dir; /* NULL: in memory only */
    int lock_fd;

    /* Power, clock, registers. */
    bool power, reset_high, asleep, mute;
    uint8_t hang;      /* 0, or what ends it */
    uint64_t ready_us; /* NACK until then */
    uint64_t last_us;  /* last communication */
    uint64_t guard_us; /* NACK until then */
    uint32_t bus_khz;
    uint8_t reg;
    uint8_t address, mode;
    uint16_t frame_max; /* DATA_REG_LEN now */
    bool lose_frame, twice;

    /* Hostile faults that wait for their answer. */
    struct {
        unsigned armed; /* bits 1 << kind */
        uint32_t arg[CLEAT_SIM_FAULT_KINDS - CLEAT_SIM_FAULT_OUTLEN];
        size_t before_len; /* the sealed answer before */
        uint8_t before[SIM_MESSAGE_MAX];
    } hostile;

    struct cleat_sim_link link;
    struct cleat_sim_transport tp;
    struct cleat_sim_shield shield;

    /* Application, volatile. */
    bool open;
    uint8_t last_error;
    uint8_t status_g, status_a;
    uint64_t cost_us; /* time the running command takes */
    struct cleat_sim_hash hash;
    struct cleat_sim_sym sym;
    struct cleat_sim_update update;
    struct cleat_sim_tearing tearing;
    bool power_fails;     /* as soon as this command has run */
    uint8_t hash_key[32]; /* protects exported hash contexts */
    struct cleat_sim_session sessions[SIM_SESSIONS];
    uint16_t authorized[4]; /* references with a good HMAC since reset */

    /* Kept in dir. */
    uint8_t uid[CLEAT_SIM_UID_LEN];
    uint8_t address_nvm, mode_nvm;
    struct cleat_sim_sec sec;
    struct {
        bool set;
        bool shielded; /* hibernated through the shielded connection */
        uint8_t handle[8];
        struct cleat_sim_session sessions[SIM_SESSIONS];
        bool channel_set;
        struct cleat_sim_channel channel;
    } saved;
    struct cleat_sim_object objects[SIM_OBJECT_MAX];
    size_t object_count;
    bool dirty;
};

/* chip.c */
uint64_t cleat_sim_chip_now(const struct cleat_sim *s);
void cleat_sim_chip_reset(struct cleat_sim *s);
void cleat_sim_chip_drop_sessions(struct cleat_sim *s);
void cleat_sim_chip_event(struct cleat_sim *s);
void cleat_sim_chip_count_down(struct cleat_sim *s);
/* Suspect behaviour: the counter jumps to its end. */
void cleat_sim_chip_suspect(struct cleat_sim *s);
/* The running command takes this long; the first at 15 mA, scaled. */
void cleat_sim_chip_cost(struct cleat_sim *s, uint64_t us_at_15ma);
void cleat_sim_chip_cost_flat(struct cleat_sim *s, uint64_t us);
/* As the first, with another time for the bench. */
void cleat_sim_chip_cost_as(struct cleat_sim *s, uint64_t us_at_15ma,
                            uint64_t bench_us);
bool cleat_sim_chip_is_v1(const struct cleat_sim *s);

/* costs.c: one transfer of len bytes took place, or was not acknowledged. */
void cleat_sim_costs_transfer(struct cleat_sim *s, bool write, size_t len,
                              int err, uint32_t stretch_us);
uint64_t cleat_sim_chip_delay_us(struct cleat_sim *s);
uint64_t cleat_sim_chip_tmax_us(struct cleat_sim *s);

/* link.c */
void cleat_sim_link_init(struct cleat_sim *s);
void cleat_sim_link_input(struct cleat_sim *s, struct cleat_bytes frame);
/* Let time act. @return length of the frame that may be read now, 0: none. */
size_t cleat_sim_link_offer(struct cleat_sim *s, uint64_t now);
bool cleat_sim_link_busy(const struct cleat_sim *s, uint64_t now);
/* The host reads DATA: fill out, the rest with 0xFF. */
void cleat_sim_link_read(struct cleat_sim *s, uint8_t *out, size_t len);
/* Number a packet and offer it cost_us from now. */
void cleat_sim_link_send(struct cleat_sim *s, struct cleat_bytes packet,
                         uint64_t cost_us);
uint16_t cleat_sim_link_crc(struct cleat_bytes bytes);

/* transport.c */
void cleat_sim_transport_init(struct cleat_sim *s);
/* @return true if an answer was started, false: the frame wants an ACK. */
bool cleat_sim_transport_input(struct cleat_sim *s, struct cleat_bytes packet);
/* The host acknowledged our frame. */
void cleat_sim_transport_acked(struct cleat_sim *s);

/* shield.c: one message with PRESENCE in, its answer out.
 * @return its length, 0: nothing but an acknowledgement. */
size_t cleat_sim_shield_run(struct cleat_sim *s, struct cleat_bytes message,
                            bool overflow, uint8_t *out);
/* The layer was left out although it is mandatory: fatal alert. */
size_t cleat_sim_shield_refuse(struct cleat_sim *s, uint8_t *out);
/* Commands that touch secrets must be protected, or their responses, once the
 * layer is on. @return true if this one may go on. */
bool cleat_sim_shield_covers(const struct cleat_sim *s, bool command);

/* command.c: run one APDU, fill out, return its length. */
size_t cleat_sim_command_run(struct cleat_sim *s, struct cleat_bytes apdu,
                             bool overflow, uint8_t *out);
const char *cleat_sim_command_name(uint8_t cmd);
/* Next TLV if it has this tag. @return false: another tag or truncated (then
 * the reader has failed). */
bool cleat_sim_command_tlv(struct cleat_reader *r, uint8_t tag,
                           struct cleat_bytes *value);
/* As above for a value of two bytes. */
bool cleat_sim_command_tlv16(struct cleat_reader *r, uint8_t tag,
                             uint16_t *value);
/* @return 0 if everything was read and nothing was missing. */
int cleat_sim_command_end(const struct cleat_reader *r);
void cleat_sim_command_put(struct cleat_writer *w, uint8_t tag,
                           struct cleat_bytes value);

typedef int cleat_sim_handler(struct cleat_sim *s, uint8_t param,
                              struct cleat_reader in, struct cleat_writer *out);
cleat_sim_handler cleat_sim_cmd_open, cleat_sim_cmd_close;
cleat_sim_handler cleat_sim_cmd_get, cleat_sim_cmd_set;
cleat_sim_handler cleat_sim_cmd_random, cleat_sim_cmd_hash;
cleat_sim_handler cleat_sim_cmd_sign, cleat_sim_cmd_verify;
cleat_sim_handler cleat_sim_cmd_ssec, cleat_sim_cmd_derive;
cleat_sim_handler cleat_sim_cmd_keypair, cleat_sim_cmd_symkey;
cleat_sim_handler cleat_sim_cmd_encsym, cleat_sim_cmd_decsym;
cleat_sim_handler cleat_sim_cmd_protected;
cleat_sim_handler cleat_sim_cmd_encasym, cleat_sim_cmd_decasym;

/* objects.c */
int cleat_sim_objects_make(struct cleat_sim *s);
void cleat_sim_objects_free(struct cleat_sim *s);
/* As find, but a V1 chip's missing objects too. */
struct cleat_sim_object *cleat_sim_objects_raw(struct cleat_sim *s,
                                               uint16_t oid);
struct cleat_sim_object *cleat_sim_objects_find(struct cleat_sim *s,
                                                uint16_t oid);
/* NULL if oid is no session object. */
struct cleat_sim_session *cleat_sim_objects_session(struct cleat_sim *s,
                                                    uint16_t oid);
const char *cleat_sim_objects_name(uint16_t oid);
uint8_t cleat_sim_objects_byte(struct cleat_sim *s, uint16_t oid);
/* Replace contents from the start; for the factory. */
void cleat_sim_objects_fill(struct cleat_sim_object *o,
                            struct cleat_bytes bytes);

/* metadata.c */
struct cleat_bytes cleat_sim_meta_get(const struct cleat_sim_object *o,
                                      uint8_t tag);
bool cleat_sim_meta_put(struct cleat_sim_meta *m, uint8_t tag,
                        struct cleat_bytes value);
uint8_t cleat_sim_meta_byte(const struct cleat_sim_object *o, uint8_t tag,
                            uint8_t absent);
/* Write the container 20 len ... */
void cleat_sim_meta_write(const struct cleat_sim_object *o,
                          struct cleat_writer *w);
int cleat_sim_meta_change(struct cleat_sim *s, struct cleat_sim_object *o,
                          struct cleat_bytes container);
/* The same by a protected update: the contents are flushed as tag F0 says, or
 * the manifest if F0 does not (0 not, 1 zeros, 2 random); LcsO may go back. */
int cleat_sim_meta_update(struct cleat_sim_object *o,
                          struct cleat_bytes container, uint8_t manifest);

/* access.c: SIM_OK or SIM_E_ACCESS; counts limited use. */
int cleat_sim_access_check(struct cleat_sim *s, struct cleat_sim_object *o,
                           uint8_t tag);
bool cleat_sim_access_valid(struct cleat_bytes expression);
int cleat_sim_access_count(struct cleat_sim *s, struct cleat_sim_object *o,
                           uint32_t by);

/* cmd_sym.c, cmd_update.c: forget a running sequence. */
void cleat_sim_sym_end(struct cleat_sim *s);
void cleat_sim_update_end(struct cleat_sim *s);

/* cbor.c: the next item, which must be that; else the reader has failed. */
bool cleat_sim_cbor_is(struct cleat_reader *r, uint32_t wanted);
uint32_t cleat_sim_cbor_number(struct cleat_reader *r, uint32_t most);
uint32_t cleat_sim_cbor_negative(struct cleat_reader *r); /* -1 - value */
struct cleat_bytes cleat_sim_cbor_bytes(struct cleat_reader *r, size_t least,
                                        size_t most);
bool cleat_sim_cbor_array(struct cleat_reader *r, uint32_t count);
bool cleat_sim_cbor_map(struct cleat_reader *r, uint32_t count);
bool cleat_sim_cbor_nil(struct cleat_reader *r); /* may be absent */

/* cmd_key.c: write the key and what the metadata says about it. */
void cleat_sim_key_keep(struct cleat_sim *s, struct cleat_sim_object *o,
                        const struct cleat_sim_key *key);

/* cmd_data.c: the power went; what was being written is not whole. */
void cleat_sim_data_tear(struct cleat_sim *s, uint64_t now);

/* keys.c: the private key behind an OID, with its checks. */
int cleat_sim_keys_use(struct cleat_sim *s, uint16_t oid, uint8_t usage,
                       struct cleat_sim_key **key);
/* A security event, unless the key or secret lives in a session. */
void cleat_sim_keys_charge(struct cleat_sim *s, uint16_t oid);
/* Secret to derive from: a session, or an object of type pre-shared secret. */
int cleat_sim_keys_secret(struct cleat_sim *s, uint16_t oid,
                          struct cleat_bytes *secret);
void cleat_sim_keys_reveal(struct cleat_sim *s, const struct cleat_sim_key *k);
/* Where a derived secret goes: tag 07 export or tag 08 session. */
struct cleat_sim_target {
    struct cleat_sim_session *session; /* NULL: to the host */
};
int cleat_sim_keys_target(struct cleat_sim *s, struct cleat_reader *in,
                          struct cleat_sim_target *target);
int cleat_sim_keys_deliver(struct cleat_sim_target *target,
                           struct cleat_bytes secret, struct cleat_writer *out);

/* cmd_sign.c: public key out of 04 certificate OID, or 05 alg and 06 key, at
 * the end of a command. */
/* Public key out of the certificate in an object. */
int cleat_sim_sign_object(struct cleat_sim *s, uint16_t oid, EVP_PKEY **key,
                          uint8_t *alg);
int cleat_sim_sign_public(struct cleat_sim *s, struct cleat_reader *in,
                          EVP_PKEY **key, uint8_t *alg);

/* crypto.c: 0 on success unless told otherwise. */
size_t cleat_sim_crypto_field_len(uint8_t alg);
bool cleat_sim_crypto_on_v1(uint8_t alg); /* does a V1 chip know it? */
bool cleat_sim_crypto_is_ec(uint8_t alg);
uint8_t cleat_sim_crypto_alg_named(const char *group); /* 0: none */
bool cleat_sim_crypto_is_rsa(uint8_t alg);
/* A private key from its scalar, fixed width. */
int cleat_sim_crypto_ec_from(uint8_t alg, struct cleat_bytes scalar,
                             struct cleat_sim_key *key);
int cleat_sim_crypto_generate(uint8_t alg, struct cleat_sim_key *key);
EVP_PKEY *cleat_sim_crypto_load(const struct cleat_sim_key *key);
/* Public key as the chip encodes it (BIT STRING). */
int cleat_sim_crypto_public(const struct cleat_sim_key *key,
                            struct cleat_writer *out);
/* Private scalar or exponent, fixed width; out has room for 256. */
int cleat_sim_crypto_private(const struct cleat_sim_key *key, uint8_t *out,
                             size_t *len);
/* @return 0, SIM_E_DATA if it is no such key, SIM_E_OFF_CURVE. */
int cleat_sim_crypto_public_load(uint8_t alg, struct cleat_bytes bits,
                                 EVP_PKEY **key);
int cleat_sim_crypto_keep(EVP_PKEY *pkey, uint8_t alg,
                          struct cleat_sim_key *key);
void cleat_sim_crypto_der_head(struct cleat_writer *w, uint8_t tag, size_t len);
bool cleat_sim_crypto_der_take(struct cleat_reader *r, uint8_t tag,
                               struct cleat_bytes *value);
int cleat_sim_crypto_ecdsa_sign(const struct cleat_sim_key *key,
                                struct cleat_bytes digest, bool padded,
                                struct cleat_writer *out);
/* @return 0 good, SIM_E_SIGNATURE bad, SIM_E_DATA not two INTEGERs. */
int cleat_sim_crypto_ecdsa_verify(EVP_PKEY *key, size_t field,
                                  struct cleat_bytes digest,
                                  struct cleat_bytes signature);
int cleat_sim_crypto_ecdh(const struct cleat_sim_key *key, EVP_PKEY *peer,
                          uint8_t *out, size_t *len);
int cleat_sim_crypto_rsa_sign(const struct cleat_sim_key *key, const EVP_MD *md,
                              struct cleat_bytes digest,
                              struct cleat_writer *out);
int cleat_sim_crypto_rsa_verify(EVP_PKEY *key, const EVP_MD *md,
                                struct cleat_bytes digest,
                                struct cleat_bytes signature);
int cleat_sim_crypto_random(uint8_t *out, size_t len);
/* crypto_ccm.c: AES-128-CCM with a tag of 8 bytes behind the text; and the
 * PRF of TLS 1.2 with SHA-256, its label in front of the seed. */
struct cleat_sim_ccm {
    const uint8_t *key; /* 16 bytes */
    struct cleat_bytes nonce, aad;
};
int cleat_sim_crypto_seal(const struct cleat_sim_ccm *c,
                          struct cleat_bytes plain, uint8_t *out);
/* @return 0, or -1 if the tag is wrong; then out holds zeros. */
int cleat_sim_crypto_unseal(const struct cleat_sim_ccm *c,
                            struct cleat_bytes sealed, uint8_t *out);
int cleat_sim_crypto_prf(struct cleat_bytes secret, struct cleat_bytes seed,
                         uint8_t *out, size_t len);
/* Random numbers others see: from the test's hook, if it has one. */
int cleat_sim_chip_random(struct cleat_sim *s, uint8_t *out, size_t len);
/* crypto_rsa.c; those that can be the host's fault return a SIM_E_. */
int cleat_sim_crypto_rsa_generate(uint8_t alg, struct cleat_sim_key *key);
int cleat_sim_crypto_rsa_public(EVP_PKEY *pkey, struct cleat_writer *out);
int cleat_sim_crypto_rsa_load(uint8_t alg, struct cleat_bytes body,
                              EVP_PKEY **key);
int cleat_sim_crypto_rsa_encrypt(EVP_PKEY *key, struct cleat_bytes message,
                                 struct cleat_writer *out);
int cleat_sim_crypto_rsa_decrypt(const struct cleat_sim_key *key,
                                 struct cleat_bytes text, uint8_t *out,
                                 size_t *len);

/* factory.c: make the chip's identity. */
int cleat_sim_factory_provision(struct cleat_sim *s, char *why, size_t cap);

/* store.c */
int cleat_sim_store_open(struct cleat_sim *s, bool *fresh, char *why,
                         size_t cap);
int cleat_sim_store_load(struct cleat_sim *s, char *why, size_t cap);
int cleat_sim_store_save(struct cleat_sim *s);
int cleat_sim_store_file(struct cleat_sim *s, const char *name,
                         struct cleat_bytes bytes);
void cleat_sim_store_close(struct cleat_sim *s);
/* state.c: the same bytes in memory. */
size_t cleat_sim_state_write(const struct cleat_sim *s, uint8_t *out,
                             size_t cap);
int cleat_sim_state_read(struct cleat_sim *s, struct cleat_bytes bytes);

/* fault.c: what shall happen to this transfer, as bits 1 << kind. */
unsigned cleat_sim_fault_draw(struct cleat_sim *s, uint32_t *stretch_us,
                              uint32_t *bit);
uint64_t cleat_sim_fault_random(struct cleat_sim *s);
const char *cleat_sim_fault_name(unsigned kind);
/* Is that hostile fault armed? It is spent by asking. */
bool cleat_sim_fault_take(struct cleat_sim *s, enum cleat_sim_fault_kind kind,
                          uint32_t *arg, uint32_t otherwise);

/* hostile.c: what armed faults do to an APDU on its way out (len of it, room
 * for SIM_APDU_MAX), and to a message of the presentation layer (likewise,
 * SIM_MESSAGE_MAX). @return the new length. */
size_t cleat_sim_hostile_apdu(struct cleat_sim *s, uint8_t *apdu, size_t len);
size_t cleat_sim_hostile_message(struct cleat_sim *s, uint8_t *message,
                                 size_t len);

/* trace.c */
struct cleat_sim_seen {
    bool write;
    uint8_t address;
    uint8_t reg;
    int result;
    unsigned faults;
    uint32_t stretch_us;
    struct cleat_bytes bytes; /* after the register number */
};
void cleat_sim_trace_transfer(struct cleat_sim *s,
                              const struct cleat_sim_seen *seen);
void cleat_sim_trace_note(struct cleat_sim *s, const char *text);

#endif
