#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The firmware image and a broker that has a name: QEMU hands DNS queries to the
# host's name server, which here is a small one of ours, in a network namespace
# and with a resolv.conf of its own. Skipped, saying so, where that may not be
# made.
if [ "${CLEAT_NAMES_INSIDE:-}" != 1 ]; then
    as=-r
    [ "$(id -u)" -ne 0 ] || as=
    if ! unshare $as -n -m true 2>/dev/null; then
        echo "SKIPPED: namespaces may not be made here"
        exit 77
    fi
    CLEAT_NAMES_INSIDE=1 exec unshare $as -n -m bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

target=${TARGET:-mps2-an386}
toolchain=${TOOLCHAIN:-GCC_ARM}
missing=$(tools/firmware missing "$target" "$toolchain" | tr '\n' ' ')
echo 'nameserver 127.0.0.1' >"$work/resolv.conf"
if [ -n "$missing" ] || ! ip link set lo up ||
    ! mount --bind "$work/resolv.conf" "$(readlink -f /etc/resolv.conf)"; then
    echo "SKIPPED: the firmware needs ${missing:-a resolv.conf of its own}"
    trap - EXIT
    rm -rf "$work"
    exit 77
fi
image=$(tools/firmware build "$target" "$toolchain" 2>"$work/build.err")
image=$(dirname "$image")

# Answers broker.test with the host as an image sees it, and of all else that
# there is no such name.
serve_names() {
    background names perl -MSocket -e '
        socket(S, PF_INET, SOCK_DGRAM, 17) or die;
        bind(S, sockaddr_in(53, inet_aton("127.0.0.1"))) or die "bind: $!";
        while (defined(my $peer = recv(S, my $q, 512, 0))) {
            my $question = substr($q, 12);
            my $known = $question =~ /^\x06broker\x04test\0\0\x01\0\x01/;
            my $head = pack("a2 n5", $q, $known ? 0x8180 : 0x8183, 1, $known ? 1 : 0, 0, 0);
            my $answer = pack("n3 N n C4", 0xC00C, 1, 1, 1, 4, 10, 0, 2, 2);
            send(S, $head . $question . ($known ? $answer : ""), 0, $peer);
        }'
    names=$last
}

make_ca ca
make_ca factory
cat "$work/ca.pem" "$work/factory.pem" >"$work/clients.pem"
issue ca broker 'subjectAltName=DNS:broker.test\nextendedKeyUsage=serverAuth'
mkdir -p "$work/one"
background chip cleat-chipsim --dir "$work/one/chip" --listen "$work/one/chip.sock" \
    --ca-cert "$work/factory.pem" --ca-key "$work/factory.key"
expect "$work/chip.out" 'listening'
port=$(free_port)
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
serve_names

# image SETTINGS: boot it; it takes one attempt, unless told otherwise.
image() {
    for fifo in control.in control.out qmp.in qmp.out; do
        [ -p "$work/one/$fifo" ] || mkfifo "$work/one/$fifo"
    done
    cat "$work/one/control.out" >"$work/one.ctl" &
    pids+=("$!")
    cat "$work/one/qmp.out" >/dev/null &
    pids+=("$!")
    background one tools/emulate "$image" "$work/one" "MQTT_PORT=$port" \
        "ROOT_CA_CERTIFICATE=$work/ca.pem" MQTT_TIMEOUT_MS=8000 \
        MQTT_CONN_RETRY_INTERVAL_MS=100 MQTT_CONN_RETRY_MAX_MS=500 "$@"
    one=$last
}
ended() { # ended STATUS
    local code=0
    wait "$one" || code=$?
    [ "$code" = "$1" ] || fail "the image ended with status $code, not $1"
}

image MQTT_BROKER_ADDRESS=broker.test
expect "$work/one.out" '^MQTT: Connected to broker.test' 30
expect "$work/one.out" '^Press the user'
echo press >"$work/one/control.in"
expect "$work/one.out" '^LED on'
ok "a broker's name is looked up, and its certificate is that name's"
echo quit >"$work/one/control.in"
ended 0

image MQTT_BROKER_ADDRESS=nobody.test MAX_MQTT_CONN_RETRIES=2
ended 5
expect "$work/one.out" '^MQTT: Connection failed: name not known' 0
ok "a name that nobody knows is told"

kill "$names"
image MQTT_BROKER_ADDRESS=broker.test
expect "$work/one.out" '^MQTT: Connection failed: .*name server did not answer' 30
serve_names
expect "$work/one.out" '^MQTT: Connected to broker.test' 20
ok "a silent name server is told, and tried again until it answers"
echo quit >"$work/one/control.in"
ended 0
