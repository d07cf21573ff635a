/* SPDX-License-Identifier: MIT */
/* What `cleat pub --help` and `cleat sub --help` print; the options themselves
 * are in pubsub_options.c. */
#include "pubsub.h"

#define COMMON_HELP                                                            \
    "connection:\n"                                                            \
    "  -h, --host HOST         broker; default localhost\n"                    \
    "  -p, --port PORT         default 1883, with --cafile 8883\n"             \
    "  -L, --url URL           "                                               \
    "mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC,\n"                         \
    "                          ws[s]://[USER[:PASSWORD]@]HOST[:PORT][/PATH]\n" \
    "  --unix PATH             connect to a Unix socket\n"                     \
    "  -A ADDRESS              address of this end\n"                          \
    "  -i, --id ID             client ID; default cleat- and random "          \
    "characters\n"                                                             \
    "  -I, --id-prefix PREFIX  client ID of PREFIX and the process number\n"   \
    "  -c                      keep the session at the broker; needs -i\n"     \
    "  -k, --keepalive SEC     default 60; 0: off\n"                           \
    "  -u USER, -P PASSWORD    what the broker asks for\n"                     \
    "  -V mqttv311|mqttv5      version; default mqttv311; also 311, 5\n"       \
    "  -D, --property COMMAND NAME VALUE  a property of MQTT 5\n"              \
    "  -x SEC                  MQTT 5: the broker keeps the session so "       \
    "long;\n"                                                                  \
    "                          -1: for ever\n"                                 \
    "  -M COUNT                most messages of QoS 1 and 2 under way; "       \
    "default 20\n"                                                             \
    "  --will-topic TOPIC [--will-payload TEXT] [--will-qos 0|1|2]\n"          \
    "  [--will-retain]         what the broker publishes if we vanish\n"       \
    "TLS, with the identity in a secure element:\n"                            \
    "  --cafile FILE           turns TLS on; CAs (PEM) that the broker is\n"   \
    "                          checked with\n"                                 \
    "  --chip SPEC             sim:DIR (virtual), unix:PATH, i2c:DEVICE,\n"    \
    "                          soft:KEY.pem,CERT.pem (tests only); default:\n" \
    "                          CLEAT_CHIP in the environment\n"                \
    "  --shield FILE           shielded connection to the chip, with the "     \
    "secret\n"                                                                 \
    "                          that `cleat chip pair` wrote to FILE\n"         \
    "  --tls-version VERSION   tlsv1.2 (default), tlsv1.3, or any of both\n"   \
    "  --crlfile FILE          revocation lists of the CAs, PEM or DER\n"      \
    "  --tls-resume            take up the last TLS session for two hours;\n"  \
    "                          that asks the chip for nothing\n"               \
    "  --tls-session-file FILE as well over calls: who reads FILE needs no\n"  \
    "                          chip; implies --tls-resume\n"                   \
    "  --tls-alpn NAME         protocol name to offer\n"                       \
    "  --allow-rsa             also accept brokers with an RSA certificate\n"  \
    "  --key-object 0xNNNN     default 0xE0F0\n"                               \
    "  --cert-object 0xNNNN    default 0xE0E0\n"                               \
    "over a kill, a restart, a power cut:\n"                                   \
    "  --store FILE            keeps what is not acknowledged; needs -i, "     \
    "implies -c\n"                                                             \
    "  --store-sync WHAT       on the disk before going on: all, accepted\n"   \
    "                          (messages; default), none (a kill only)\n"      \
    "messages:\n"                                                              \
    "  -d, --debug             each packet as a line\n"                        \
    "  --quiet                 no error messages\n"                            \
    "  --nodelay               always so; taken as the originals take it\n"    \
    "  --help                  this text\n"                                    \
    "$XDG_CONFIG_HOME/cleat-pub or cleat-sub (else in $HOME/.config) may "     \
    "have\n"                                                                   \
    "options, one a line, that are taken first.\n"

const char cli_pubsub_pub_help[] =
    "usage: cleat pub [-h HOST] [-p PORT] -t TOPIC {-m TEXT|-n|-s|-f FILE|-l} "
    "[OPTIONS]\n"
    "Publish as mosquitto_pub does, the TLS key in a secure element.\n"
    "  -t, --topic TOPIC       where to; no wildcards\n"
    "  -m, --message TEXT      the message\n"
    "  -n, --null-message      an empty message\n"
    "  -s, --stdin-file        all of standard input as one message\n"
    "  -f, --file FILE         a file as one message\n"
    "  -l, --stdin-line        each line of standard input as a message\n"
    "  -q, --qos 0|1|2         default 0\n"
    "  -r, --retain            the broker keeps it for later subscribers\n"
    "  --repeat COUNT          send it so often\n"
    "  --repeat-delay SEC      and wait between\n" COMMON_HELP
    "exit status: 0 sent, with QoS 1 and 2 acknowledged; 1 to 5 CONNACK code "
    "of a\n"
    "refusal; 1 any other failure\n";

const char cli_pubsub_sub_help[] =
    "usage: cleat sub [-h HOST] [-p PORT] -t TOPIC ... [OPTIONS]\n"
    "Subscribe as mosquitto_sub does, the TLS key in a secure "
    "element.\n"
    "  -t, --topic FILTER      what to subscribe to; may be repeated\n"
    "  -q, --qos 0|1|2         default 0\n"
    "  -v, --verbose           topic before each message\n"
    "  -N                      no newline after each message\n"
    "  -C COUNT                end after so many messages\n"
    "  -W SEC                  end after so many seconds, status 27\n"
    "  -E                      end once subscribed\n"
    "  -R                      leave out messages the broker had kept\n"
    "  --retained-only         only those, and end at the first other\n"
    "  --retain-as-published   MQTT 5: the retain flag as it was published "
    "(%r)\n"
    "  --remove-retained       remove what comes and -T does not leave out\n"
    "  --random-filter PERCENT show so many of the messages\n"
    "  -F FORMAT               %t topic, %p payload, %x %X in hex, %l its "
    "length, "
    "%q %r %m,\n"
    "                          %j %J as JSON, %I %U when it came, @ for "
    "strftime\n"
    "  --pretty                JSON of %j and %J in lines\n"
    "  -T, --filter-out FILTER leave out what it covers; may be repeated\n"
    "  -U, --unsubscribe FILTER unsubscribe; may be repeated\n" COMMON_HELP
    "exit status: 0 ended as asked; 1 to 5 CONNACK code of a refusal; 27 -W "
    "ran out;\n"
    "1 any other failure\n";
