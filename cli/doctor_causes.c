/* SPDX-License-Identifier: MIT */
/*
 * What `cleat doctor` can find broken, in the order of the walk: what it is and
 * what to do. docs/doctor.md shows this table; a test compares them.
 */
#include "doctor.h"

#include <string.h>

#define BUS CLI_DOCTOR_BUS
#define CHIP CLI_DOCTOR_CHIP
#define CERT CLI_DOCTOR_CERTIFICATE
#define KEY CLI_DOCTOR_KEY
#define CLOCK CLI_DOCTOR_CLOCK
#define NAME CLI_DOCTOR_NAME
#define TCP CLI_DOCTOR_TCP
#define TLS CLI_DOCTOR_TLS
#define MQTT CLI_DOCTOR_MQTT
#define TRIP CLI_DOCTOR_ROUND_TRIP

const struct cli_doctor_cause cli_doctor_causes[] = {
    {"settings-refused", CLI_DOCTOR_SETTINGS, "a setting is wrong",
     "correct it; `cleat config list` shows each with its range and origin"},
    {"settings-incomplete", CLI_DOCTOR_SETTINGS, "a setting is missing",
     "set it in cleat.conf, in the environment or with --set"},
    {"settings-profile", CLI_DOCTOR_SETTINGS,
     "the settings go beyond the limits of this broker",
     "change them as told; docs/aws.md has the limits"},
    {"ca-unreadable", CLI_DOCTOR_SETTINGS,
     "the root CA cannot be read or holds no usable certificate",
     "point ROOT_CA_CERTIFICATE to a PEM file with the broker's root CA"},

    {"chip-unset", BUS, "no secure element is named",
     "give --chip or set CHIP: sim:DIR, unix:PATH, i2c:/dev/i2c-N"},
    {"chip-form", BUS, "this is no name of a secure element",
     "use sim:DIR, unix:PATH, i2c:/dev/i2c-N or DRIVER:...; `cleat chip list`"},
    {"socket-missing", BUS, "there is no such socket",
     "start the chip: cleat-chipsim --dir DIR --listen PATH"},
    {"socket-denied", BUS, "this user may not use the socket",
     "run as its owner, or give its folder and file other permissions"},
    {"socket-dead", BUS, "the socket is left over, nobody listens on it",
     "start cleat-chipsim again; it replaces the file"},
    {"socket-other", BUS, "what listens there is no chip",
     "name the socket of a cleat-chipsim"},
    {"chip-busy", BUS, "another program has the chip",
     "end the other program: a chip has one user at a time"},
    {"i2c-missing", BUS, "there is no such I2C device",
     "load i2c-dev, enable the bus (device tree), look at /dev/i2c-*"},
    {"i2c-denied", BUS, "this user may not use the I2C device",
     "add the user to the group of the device (i2c) and log in again"},
    {"i2c-other", BUS, "this file is no I2C bus that can do transfers",
     "name a bus of the kernel: /dev/i2c-N"},
    {"line-form", BUS, "this names no GPIO line, or several",
     "write CHIP:OFFSET, as gpiochip0:17, or a name that one line has; "
     "`gpioinfo` lists them"},
    {"line-missing", BUS, "there is no such GPIO line",
     "correct CHIP_RESET_LINE or CHIP_POWER_LINE; `gpioinfo` lists the lines "
     "by chip, offset and name"},
    {"line-denied", BUS, "this user may not use the GPIO line",
     "add the user to the group of /dev/gpiochip* (gpio) and log in again"},
    {"line-busy", BUS, "somebody else has the GPIO line",
     "end the other program, or free the line in the device tree; `gpioinfo` "
     "shows who has which"},
    {"line-input", BUS, "the GPIO line cannot be an output",
     "wire RST or the switch of VCC to a line that can; the chip's "
     "documentation says which"},
    {"line-same", BUS, "reset and power line are the same line",
     "give each its own, or leave the one empty that is not wired"},
    {"line-failed", BUS, "the GPIO line fails",
     "see the words above; Linux 5.10 or later is needed"},
    {"sim-missing", BUS, "there is no virtual chip in this folder",
     "make one: cleat run --chip sim:DIR, or correct the folder's name"},
    {"sim-damaged", BUS, "the folder of the virtual chip cannot be used",
     "read what it says; remove the folder to get a new chip"},
    {"driver-refused", BUS, "the driver cannot open what is named",
     "read what it says; `cleat chip list` shows what it needs"},
    {"bus-nack", BUS, "nothing answers at the chip's address on this bus",
     "check power, wiring, pull-ups, the reset line, and the bus number"},
    {"bus-failed", BUS, "the bus itself fails",
     "check that SDA and SCL are not held low, and the pull-ups"},
    {"bus-other", BUS, "what answers at the address is no OPTIGA Trust M",
     "another device has this address, or the lines are stuck"},

    {"chip-silent", CHIP, "the chip acknowledges but does not answer",
     "switch its power off and on; then check VCC and the reset line"},
    {"chip-garbled", CHIP, "the chip's answers make no sense",
     "lower the bus clock, shorten the lines; another chip or a broken one"},
    {"chip-refuses", CHIP, "the chip refuses to be used",
     "see the chip's error; `cleat chip info` shows its life cycle"},
    {"chip-not-paired", CHIP, "the chip is paired with another host",
     "use the host it was paired with, or its binding secret"},
    {"chip-no-shield", CHIP, "the element has no shielded connection",
     "CHIP_SHIELD= (empty): what the bus shows is then in the clear"},
    {"secret-unreadable", CHIP,
     "the file with the binding secret cannot be "
     "used",
     "CHIP_SHIELD must name the file that `cleat chip pair` wrote, and only "
     "you may read it"},

    {"certificate-no-object", CERT, "the chip has no such certificate object",
     "set CLIENT_CERTIFICATE to 0xE0E0, 0xE0E1, 0xE0E2 or 0xE0E3"},
    {"certificate-empty", CERT, "the certificate object is empty",
     "write a certificate: `cleat cert write`; docs/provisioning.md"},
    {"certificate-garbage", CERT, "the object holds no certificate",
     "write a certificate there, or name the right object in "
     "CLIENT_CERTIFICATE"},
    {"certificate-unreadable", CERT, "the certificate object cannot be read",
     "see the chip's error; its access condition may forbid reading"},
    {"certificate-key-kind", CERT,
     "the certificate is for a kind of key that is not done here",
     "use a certificate for an ECC key on P-256 or P-384"},
    {"certificate-chain", CERT, "the certificates do not follow each other",
     "write the leaf first, then who signed it, and so on"},

    {"key-no-object", KEY, "the chip has no such key object",
     "set CLIENT_PRIVATE_KEY to 0xE0F0, 0xE0F1, 0xE0F2 or 0xE0F3"},
    {"key-empty", KEY, "the key object holds no key",
     "make one (`cleat chip keygen`) and get a certificate for it"},
    {"key-usage", KEY, "the key may not sign",
     "make it anew with the usage to sign or authenticate"},
    {"key-failed", KEY, "the key does not sign",
     "see the chip's error and what `cleat chip metadata show` tells to "
     "execute "
     "it: a shielded connection (CHIP_SHIELD), a counter that is used up"},
    {"key-mismatch", KEY, "the key is not the one of the certificate",
     "name the pair that belongs together in CLIENT_CERTIFICATE and "
     "CLIENT_PRIVATE_KEY, or get a certificate for this key"},

    {"clock-unset", CLOCK, "the clock is not set",
     "set the time, or let NTP do it, before connecting"},
    {"clock-behind", CLOCK, "the clock is behind",
     "set the time, or let NTP do it: files here are newer than now"},
    {"certificate-expired", CLOCK, "the device's certificate has expired",
     "get a new one (`cleat cert renew`); if today's date above is wrong, set "
     "the clock"},
    {"certificate-not-yet", CLOCK,
     "the device's certificate is not yet valid today",
     "set the clock if today's date above is wrong; else wait or get another"},
    {"ca-expired", CLOCK, "the root CA has expired",
     "get the broker's current root CA; if today's date is wrong, set the "
     "clock"},

    {"name-unknown", NAME, "the broker's name is not known",
     "correct MQTT_BROKER_ADDRESS; try `getent hosts NAME`"},
    {"name-server", NAME, "no name server answers",
     "check the link and /etc/resolv.conf"},

    {"tcp-refused", TCP, "the host is there, but nothing listens on the port",
     "start the broker, or correct MQTT_PORT (8883 with TLS, 1883 without)"},
    {"tcp-timeout", TCP, "nobody answers at the address",
     "is the host up? a firewall on the way drops what goes to that port"},
    {"tcp-unreachable", TCP, "there is no way to the address",
     "check the link, the address of this machine and its default route"},
    {"tcp-forbidden", TCP, "this machine forbids the connection",
     "a local firewall rule or sandbox: allow the port"},
    {"tcp-failed", TCP, "the connection cannot be made", "see the words above"},

    {"tls-not-tls", TLS, "what answers does not speak TLS",
     "use the broker's TLS port (8883), or MQTT_SECURE_CONNECTION = 0 for a "
     "plain one"},
    {"tls-unknown-ca", TLS, "the broker's certificate is from another CA",
     "set ROOT_CA_CERTIFICATE to the CA that signed the broker's certificate; "
     "is it the right broker at all?"},
    {"tls-wrong-name", TLS, "the broker's certificate is for another name",
     "set MQTT_BROKER_ADDRESS or MQTT_SNI_HOSTNAME to a name it is for"},
    {"tls-expired", TLS, "the broker's certificate has expired",
     "renew it at the broker; if today's date is wrong, set the clock"},
    {"tls-not-yet", TLS, "the broker's certificate is not yet valid",
     "set the clock; if it is right, the broker's certificate is wrong"},
    {"tls-usage", TLS, "the broker's certificate is not for servers",
     "give the broker one with extendedKeyUsage serverAuth"},
    {"tls-bad-certificate", TLS,
     "the broker's certificate is malformed, too weak or of a kind not allowed",
     "for an RSA certificate set TLS_KEY_EXCHANGES = ECDHE_ECDSA,ECDHE_RSA; "
     "else renew it at the broker"},
    {"tls-bad-signature", TLS,
     "the broker does not have the key of its certificate",
     "correct certfile and keyfile at the broker; else somebody is in between"},
    {"tls-no-common", TLS,
     "broker and device have no suite, curve or version in common",
     "the device needs TLS 1.2 with ECDHE and AES-GCM on P-256 or P-384; for a "
     "broker with an RSA certificate set TLS_KEY_EXCHANGES = "
     "ECDHE_ECDSA,ECDHE_RSA"},
    {"tls-revoked", TLS, "the broker's certificate is revoked",
     "do not go on: somebody may have the broker's key; it needs another "
     "certificate"},
    {"tls-bad-crl", TLS, "the revocation list cannot be used",
     "get the CA's current list; TLS_CRL_FILE"},
    {"tls-not-on-chip", TLS,
     "not all of the handshake can be done by the chip, as TLS_ALL_ON_CHIP "
     "demands",
     "use a broker with ECC certificates on P-256 or P-384, TLS_CHIP_RANDOM "
     "= 1, or TLS_ALL_ON_CHIP = 0"},
    {"tls-client-ca", TLS, "the broker does not know the device's CA",
     "add the CA of the device's certificate to the broker's cafile, or "
     "register the certificate"},
    {"tls-client-expired", TLS,
     "the broker says the device's certificate has expired",
     "renew it, or set the broker's clock"},
    {"tls-client-revoked", TLS,
     "the broker says the device's certificate is revoked",
     "get a new certificate for this device"},
    {"tls-client-refused", TLS,
     "the broker does not accept the device's certificate",
     "register it there (docs/brokers.md), or add its CA to the broker's "
     "cafile"},
    {"tls-sni", TLS, "the broker does not serve this host name",
     "set MQTT_SNI_HOSTNAME to the name the broker expects"},
    {"tls-alpn", TLS, "the broker does not speak the ALPN protocol offered",
     "correct MQTT_ALPN_PROTOCOL_NAME, or leave it empty"},
    {"tls-refused", TLS, "the broker refused the handshake",
     "look into the broker's log at this time"},
    {"tls-closed", TLS, "the broker hung up during the handshake",
     "is it a TLS port? does the broker know the device's CA, and this SNI and "
     "ALPN? look into its log"},
    {"tls-timeout", TLS, "the handshake does not come to its end",
     "what listens there may not speak TLS, or the way drops large packets "
     "(MTU)"},
    {"tls-chip", TLS, "the secure element failed during the handshake",
     "see the chip's error; `cleat chip info`"},
    {"tls-failed", TLS, "the handshake failed", "see the words above"},

    {"mqtt-version", MQTT, "CONNACK 1: the broker does not take MQTT 3.1.1",
     "allow protocol version 4 at the broker"},
    {"mqtt-client-id", MQTT, "CONNACK 2: the broker refuses this client ID",
     "change MQTT_CLIENT_IDENTIFIER, or what IDs the broker takes"},
    {"mqtt-unavailable", MQTT, "CONNACK 3: the broker is not available",
     "wait and try again; look into the broker's log"},
    {"mqtt-password", MQTT, "CONNACK 4: user name or password is wrong",
     "correct MQTT_USERNAME and MQTT_PASSWORD"},
    {"mqtt-not-authorized", MQTT, "CONNACK 5: the device is not authorised",
     "register the certificate's name or the user at the broker; at AWS attach "
     "the policy (`cleat aws policy`)"},
    {"mqtt-keep-alive", MQTT, "the broker refuses this keep-alive",
     "lower MQTT_KEEP_ALIVE_SECONDS to what the broker takes"},
    {"mqtt-will", MQTT, "the broker refuses the last will",
     "lower MQTT_WILL_QOS, or switch MQTT_WILL_RETAIN or ENABLE_LWT_MESSAGE "
     "off, or allow the will's topic at the broker"},
    {"mqtt-closed", MQTT, "the broker hung up instead of answering CONNECT",
     "its log says why; at AWS the policy must allow iot:Connect for this "
     "client ID, and the first connection after JITP is always closed"},
    {"mqtt-silent", MQTT, "the broker does not answer CONNECT",
     "is it a broker? raise MQTT_TIMEOUT_MS if it is slow"},
    {"mqtt-other", MQTT, "what answers does not speak MQTT",
     "use the broker's MQTT port, not one for HTTP or WebSocket; with "
     "MQTT_SECURE_CONNECTION = 0 is it perhaps a TLS port?"},

    {"subscribe-denied", TRIP, "the broker refuses the subscription",
     "allow this device to subscribe and to read MQTT_SUB_TOPIC at the broker "
     "(ACL, policy)"},
    {"subscribe-closed", TRIP, "the broker hangs up upon the subscription",
     "allow MQTT_SUB_TOPIC at the broker; at AWS iot:Subscribe on the topic "
     "filter"},
    {"subscribe-silent", TRIP, "the broker does not answer the subscription",
     "raise MQTT_TIMEOUT_MS if it is slow; look into its log"},
    {"publish-closed", TRIP, "the broker hangs up upon the message",
     "allow MQTT_PUB_TOPIC at the broker; at AWS iot:Publish on the topic"},
    {"publish-qos", TRIP, "the broker does not take messages of QoS 2",
     "set MQTT_MESSAGES_QOS = 1"},
    {"publish-silent", TRIP, "the broker does not acknowledge the message",
     "raise MQTT_TIMEOUT_MS if it is slow; look into its log"},
    {"no-echo", TRIP, "the message is taken but does not come back",
     "the broker's rules drop it without a word: allow writing MQTT_PUB_TOPIC "
     "and reading MQTT_SUB_TOPIC (at AWS iot:Receive)"},
    {"client-id-taken", TRIP,
     "the connection is cut: another client uses the same client ID",
     "stop the other one (is this device running?), or give each its own "
     "MQTT_CLIENT_IDENTIFIER"},
    {"trip-broken", TRIP, "the connection broke", "see the words above"},
};

const size_t cli_doctor_cause_count =
    sizeof cli_doctor_causes / sizeof cli_doctor_causes[0];

const struct cli_doctor_cause *cli_doctor_cause(const char *id) {
    for (size_t i = 0; i < cli_doctor_cause_count; i++) {
        if (strcmp(cli_doctor_causes[i].id, id) == 0) {
            return &cli_doctor_causes[i];
        }
    }
    return NULL;
}

const char *cli_doctor_step_name(enum cli_doctor_step step) {
    static const char *const names[CLI_DOCTOR_STEPS] = {
        "settings", "bus", "chip", "certificate", "key",       "clock",
        "name",     "tcp", "tls",  "mqtt",        "round-trip"};
    return names[step];
}

int cli_doctor_step_status(enum cli_doctor_step step) {
    return step == CLI_DOCTOR_SETTINGS ? (int)CLI_USAGE : 9 + (int)step;
}
