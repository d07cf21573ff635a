/* SPDX-License-Identifier: MIT */
/*
 * `cleat chip`: what the secure element is and holds, and changes to it behind
 * a safety catch. The table of verbs; each is a function elsewhere.
 */
#include "chip_keys.h"

#define OPTIONS(...)                                                           \
    (const enum cli_chip_option[]) {                                           \
        __VA_ARGS__, CLI_OPT_COUNT_OF                                          \
    }
#define CATCH CLI_OPT_CONFIRM, CLI_OPT_LAB, CLI_OPT_DRY_RUN
#define RESULT CLI_OPT_OUT, CLI_OPT_RAW
#define INPUT CLI_OPT_HEX, CLI_OPT_TEXT, CLI_OPT_FILE

static const char usage[] =
    "usage: cleat chip VERB [OPTIONS]\n"
    "What the secure element is and holds, and changes to it.\n"
    "look:\n"
    "  list                    drivers, and how --chip names an element\n"
    "  info                    identity, states, counters, pairing, objects\n"
    "  objects                 the map: sizes, use, access conditions\n"
    "  read OBJECT             bytes of a data object, as of 0xE0C2\n"
    "                          [--offset N] [--length N] [--raw]\n"
    "  metadata show OBJECT    access conditions, type, sizes, in words\n"
    "  counter show OBJECT     count and threshold of 0xE120..0xE123\n"
    "  cert                    certificates as PEM [--object 0xNNNN]\n"
    "  random COUNT [--raw]    random bytes, in hex\n"
    "  verify-identity         let the key sign, check it with the "
    "certificate\n"
    "                          [--key 0xNNNN] [--object 0xNNNN]\n"
    "  selftest                try what it can do; changes nothing that lasts\n"
    "  trace VERB ...          any verb, with every transfer told in words\n"
    "use keys:\n"
    "  sign KEY                --file FILE | --digest HEX [--out FILE] "
    "[--raw]\n"
    "                          [--hash sha256|sha384|sha512]\n"
    "  verify CERTIFICATE      --signature FILE --file FILE | --digest HEX\n"
    "                          [--public-key PEM]\n"
    "  encrypt KEY             with AES: --file FILE [--mode cbc|ecb]\n"
    "                          [--iv HEX] [--out FILE] [--raw]; or for an RSA\n"
    "                          key: --public-key PEM\n"
    "  decrypt KEY             the same with AES or RSA\n"
    "  hmac OBJECT             tag with the secret in it: --file FILE\n"
    "                          [--hash sha256|sha384|sha512]\n"
    "  cmac KEY                tag with an AES key: --file FILE\n"
    "  hash OBJECT             SHA-256 of an object, or of --file FILE\n"
    "  derive OBJECT           from the secret in it: [--kdf hkdf|tls-prf]\n"
    "                          [--salt HEX] [--info HEX] [--label TEXT]\n"
    "                          [--length N] [--out FILE]\n"
    "change (see `man cleat-chip`, Safety catch):\n"
    "  write OBJECT            --hex HEX | --text TEXT | --file FILE\n"
    "                          [--offset N: keep the rest]\n"
    "  metadata set OBJECT     --life-cycle, --read, --change, --execute,\n"
    "                          --update COND; --type, --usage WORD;\n"
    "                          --version N; --reset HEX\n"
    "  keygen KEY              [--curve p256|p384|p521|bp256|bp384|bp512] or\n"
    "                          [--type rsa1024|rsa2048|aes128|aes192|aes256]\n"
    "                          [--usage auth,sign,agree,enc] [--out FILE]: "
    "its\n"
    "                          public key as PEM\n"
    "  pair                    --secret-file FILE: bind chip and host for "
    "ever\n"
    "  counter add OBJECT N    count up\n"
    "  counter set OBJECT      --count N --threshold N\n"
    "  update apply FILE       carry a protected update to the chip\n"
    "  update show FILE        what an update says of itself\n"
    "  update build OBJECT     make one: --file FILE, or --metadata with what\n"
    "                          metadata set takes; --anchor 0xNNNN --signer\n"
    "                          KEY.pem --version N --out FILE [--uid HEX]\n"
    "                          [--key 0xNNNN --secret-file FILE: encrypted]\n"
    "                          [--key-type KIND: a key for the slot, of a "
    "kind\n"
    "                          as of keygen, not RSA; --file PEM, AES in hex]\n"
    "the catch:\n"
    "  --dry-run               say what would become impossible; do nothing\n"
    "  --confirm 0xNNNN        yes, I mean this object; not done without\n"
    "  --lab                   only what can be taken back\n"
    "everywhere:\n"
    "  --chip SPEC             sim:DIR, unix:PATH, i2c:/dev/i2c-N,\n"
    "                          soft:KEY.pem,CERT.pem, pkcs11:URI; default:\n"
    "                          CLEAT_CHIP\n"
    "  --uid HEX               only if the element has this UID\n"
    "  --shield FILE           shielded connection; FILE as pair wrote it\n"
    "  --i2c-speed KHZ         bus clock, where it can be set (400)\n"
    "  --wait SECONDS          wait for another process to let go of it\n"
    "  --json                  one object instead of words\n"
    "exit status: 0 done; 1 failed; 2 wrong call; 3 not reached; 4 refused;\n"
    "5 no such object; 6 not confirmed; 7 a signature, certificate or key "
    "does\n"
    "not match; 8 in use by another process\n";

static const struct cli_chip_verb verbs[] = {
    {"list", cli_chip_list, false, 0, 0, NULL, "no argument"},
    {"info", cli_chip_info, true, 0, 0, NULL, "no argument"},
    {"objects", cli_chip_objects, true, 0, 0, NULL, "no argument"},
    {"cert", cli_chip_cert, true, 0, 0, OPTIONS(CLI_OPT_OBJECT), "no argument"},
    {"random", cli_chip_random, true, 1, 1, OPTIONS(CLI_OPT_RAW), "a count"},
    {"read", cli_chip_read, true, 1, 1,
     OPTIONS(CLI_OPT_OFFSET, CLI_OPT_LENGTH, CLI_OPT_RAW), "an object"},
    {"metadata show", cli_chip_metadata_show, true, 1, 1, NULL, "an object"},
    {"metadata set", cli_chip_metadata_set, true, 1, 1,
     OPTIONS(CLI_OPT_LIFE_CYCLE, CLI_OPT_READ, CLI_OPT_CHANGE, CLI_OPT_EXECUTE,
             CLI_OPT_UPDATE, CLI_OPT_TYPE, CLI_OPT_USAGE, CLI_OPT_VERSION,
             CLI_OPT_RESET, CATCH),
     "an object"},
    {"metadata", cli_chip_metadata_show, true, 1, 1, NULL, "an object"},
    {"counter show", cli_chip_counter_show, true, 1, 1, NULL, "a counter"},
    {"counter add", cli_chip_counter_add, true, 2, 2, OPTIONS(CATCH),
     "a counter and a step"},
    {"counter set", cli_chip_counter_set, true, 1, 1,
     OPTIONS(CLI_OPT_COUNT, CLI_OPT_THRESHOLD, CATCH), "a counter"},
    {"write", cli_chip_write, true, 1, 1, OPTIONS(CLI_OPT_OFFSET, INPUT, CATCH),
     "an object"},
    {"keygen", cli_chip_keygen, true, 1, 1,
     OPTIONS(CLI_OPT_CURVE, CLI_OPT_TYPE, CLI_OPT_USAGE, CLI_OPT_OUT, CATCH),
     "a key object"},
    {"sign", cli_chip_sign, true, 1, 1,
     OPTIONS(INPUT, CLI_OPT_DIGEST, CLI_OPT_HASH, CLI_OPT_OUT, CLI_OPT_RAW,
             CLI_OPT_CURVE),
     "a key object"},
    {"verify", cli_chip_verify, true, 0, 1,
     OPTIONS(INPUT, CLI_OPT_DIGEST, CLI_OPT_HASH, CLI_OPT_SIGNATURE,
             CLI_OPT_PUBLIC_KEY),
     "a certificate object, or --public-key"},
    {"encrypt", cli_chip_encrypt, true, 0, 1,
     OPTIONS(CLI_OPT_FILE, CLI_OPT_MODE, CLI_OPT_IV, CLI_OPT_PUBLIC_KEY,
             RESULT),
     "an AES key object, or --public-key"},
    {"decrypt", cli_chip_decrypt, true, 1, 1,
     OPTIONS(CLI_OPT_FILE, CLI_OPT_MODE, CLI_OPT_IV, RESULT), "a key object"},
    {"hmac", cli_chip_hmac, true, 1, 1,
     OPTIONS(CLI_OPT_FILE, CLI_OPT_HASH, RESULT), "an object with a secret"},
    {"cmac", cli_chip_cmac, true, 1, 1, OPTIONS(CLI_OPT_FILE, RESULT),
     "an AES key object"},
    {"hash", cli_chip_hash, true, 0, 1,
     OPTIONS(CLI_OPT_FILE, CLI_OPT_OFFSET, CLI_OPT_LENGTH, RESULT),
     "an object, or --file"},
    {"derive", cli_chip_derive, true, 1, 1,
     OPTIONS(CLI_OPT_KDF, CLI_OPT_HASH, CLI_OPT_SALT, CLI_OPT_INFO,
             CLI_OPT_LABEL, CLI_OPT_LENGTH, RESULT),
     "an object with a secret"},
    {"verify-identity", cli_chip_verify_identity, true, 0, 0,
     OPTIONS(CLI_OPT_OBJECT, CLI_OPT_KEY), "no argument"},
    {"pair", cli_chip_pair, true, 0, 0, OPTIONS(CLI_OPT_SECRET_FILE, CATCH),
     "no argument"},
    {"update build", cli_chip_update_build, false, 1, 1,
     OPTIONS(INPUT, CLI_OPT_OFFSET, CLI_OPT_METADATA, CLI_OPT_LIFE_CYCLE,
             CLI_OPT_READ, CLI_OPT_CHANGE, CLI_OPT_EXECUTE, CLI_OPT_UPDATE,
             CLI_OPT_TYPE, CLI_OPT_USAGE, CLI_OPT_RESET, CLI_OPT_VERSION,
             CLI_OPT_ANCHOR, CLI_OPT_SIGNER, CLI_OPT_OUT, CLI_OPT_KEY,
             CLI_OPT_SECRET_FILE, CLI_OPT_KEY_TYPE),
     "an object"},
    {"update show", cli_chip_update_show, false, 1, 1, NULL, "a file"},
    {"update apply", cli_chip_update_apply, true, 1, 1, OPTIONS(CATCH),
     "a file"},
    {"selftest", cli_chip_selftest, true, 0, 0,
     OPTIONS(CLI_OPT_OBJECT, CLI_OPT_KEY), "no argument"},
};

static struct cli_chip_call call; /* large, and the only one */

static int run(int argc, char **argv) {
    return cli_chip_main(&call, "chip", usage, verbs,
                         sizeof verbs / sizeof verbs[0], argc, argv);
}

const struct cli_command cli_command_chip = {
    "chip", "look at the secure element, provision it, use its keys", run};
