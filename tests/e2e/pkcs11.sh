#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device whose identity is in a PKCS#11 token (SoftHSM2): pub, sub and the
# whole kit over mutual TLS with Mosquitto, and what goes wrong in words.
. "$(dirname "$0")/lib.sh"

cleat chip list | grep -q '^  pkcs11 ' || {
    echo "skipped: built without p11-kit"
    exit 77
}
module=""
for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
    /usr/lib64/pkcs11/libsofthsm2.so; do
    [ ! -e "$m" ] || module=$m
done
for tool in softhsm2-util pkcs11-tool; do
    command -v "$tool" >/dev/null || module=""
done
[ -n "$module" ] || {
    echo "skipped: needs softhsm2 and opensc"
    exit 77
}

mkdir "$work/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
    "$work/tokens" >"$work/softhsm2.conf"
export SOFTHSM2_CONF=$work/softhsm2.conf
unset CLEAT_PKCS11_PIN CLEAT_CHIP
token() { pkcs11-tool --module "$module" --token-label dev -l --pin 4321 "$@" >"$work/tool.out" 2>&1; }

softhsm2-util --init-token --free --label dev --so-pin 12345678 --pin 4321 >/dev/null
printf '4321\n' >"$work/pin"
printf '9999\n' >"$work/wrong"
chmod 600 "$work/pin" "$work/wrong"
make_ca root
issue root factory 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign'
make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
issue ca observer 'extendedKeyUsage=clientAuth'

# certify LABEL ID HEAD: a certificate for the token's own key, onto the token.
# HEAD stands before the point in a SubjectPublicKeyInfo; it fits the curve.
certify() {
    token --list-objects --type pubkey
    local point hex
    point=$(awk -v l="$1" '/^ *EC_POINT:/ { p = $2 } /^ *label:/ && $2 == l { print substr(p, 5) }' "$work/tool.out")
    hex=$(echo "$3$point" | sed 's/../\\x&/g')
    printf '%b' "$hex" >"$work/$1.pub"
    openssl pkey -pubin -inform DER -in "$work/$1.pub" -out "$work/$1.pub.pem"
    openssl req -new -key "$work/factory.key" -subj "/CN=$1" -out "$work/$1.csr"
    openssl x509 -req -in "$work/$1.csr" -force_pubkey "$work/$1.pub.pem" -CA "$work/factory.pem" \
        -CAkey "$work/factory.key" -CAcreateserial -days 30 -outform DER -out "$work/$1.der" \
        -extfile <(echo extendedKeyUsage=clientAuth) 2>/dev/null
    token --write-object "$work/$1.der" --type cert --id "$2" --label "$1"
}
token --keypairgen --key-type EC:prime256v1 --id 01 --label identity
token --keypairgen --key-type EC:secp384r1 --id 02 --label wide
certify identity 01 3059301306072A8648CE3D020106082A8648CE3D030107034200
certify wide 02 3076301006072A8648CE3D020106052B81040022036200
openssl x509 -in "$work/factory.pem" -outform DER -out "$work/factory.der"
token --write-object "$work/factory.der" --type cert --id 0A --label factory

query="module-path=$module&pin-source=file:$work/pin"
uri="pkcs11:token=dev;object=identity?$query"
status 0 cleat chip verify-identity --chip "$uri"
grep -q 'signs for the certificate in 0xE0E0: CN = identity' "$work/cmd.out" || fail "identity"
status 0 cleat chip cert --chip "$uri"
[ "$(grep -c BEGIN "$work/cmd.out")" = 2 ] || fail "the issuer on the token is not in the chain"
! grep -qi warning "$work/cmd.err" || fail "a warning for a real token"
status 0 cleat chip verify-identity --chip "pkcs11:token=dev;id=%02?$query"
if [ -e /usr/share/p11-kit/modules/softhsm2.module ]; then
    status 0 cleat chip verify-identity --chip "pkcs11:token=dev;object=identity?module-name=softhsm2&pin-source=file:$work/pin"
fi
ok "certificate, its issuer and key come from the token; P-256 and P-384 sign"

# --- cleat chip and cleat cert on a token -----------------------------------
status 0 cleat cert show --chip "$uri"
grep -q 'subject: CN = identity' "$work/cmd.out" || fail "cert show"
grep -q '^key 0xE0F0 signs for it' "$work/cmd.out" || fail "cert show proves nothing"
for key in identity wide; do
    cleat cert csr --subject "/CN=$key" --chip "pkcs11:token=dev;object=$key?$query" >"$work/$key.own.csr"
    openssl req -in "$work/$key.own.csr" -verify -noout 2>/dev/null || fail "the token's request for $key"
    openssl req -in "$work/$key.own.csr" -noout -pubkey | cmp - "$work/$key.pub.pem" || fail "request for another key"
done
echo message >"$work/message"
status 0 cleat chip sign 0xE0F0 --file "$work/message" --out "$work/sig" --chip "$uri"
openssl dgst -sha256 -verify "$work/identity.pub.pem" -signature "$work/sig" "$work/message" >/dev/null || fail "sign"
status 0 cleat chip verify --signature "$work/sig" --file "$work/message" --chip "$uri"
[ "$(cleat chip random 32 --raw --chip "$uri" | wc -c)" = 32 ] || fail "random"
status 0 cleat chip selftest --chip "$uri"
status 0 cleat chip write 0xF1D0 --text note --chip "$uri"
[ "$(cleat chip read 0xF1D0 --raw --chip "$uri")" = note ] || fail "data object"
for verb in objects "metadata show 0xE0E0" "keygen 0xE0F1" "pair --secret-file $work/none --confirm 0xE140" \
    "counter add 0xE120 1"; do
    got=0
    cleat chip $verb --chip "$uri" >"$work/cmd.out" 2>"$work/cmd.err" || got=$?
    case $got in 4 | 5) ;; *) fail "status $got of chip $verb on a token" ;; esac
    [ -s "$work/cmd.err" ] || fail "no words of chip $verb on a token"
done
printf 'CHIP = %s\n' "$uri" >"$work/token.conf"
status 4 cleat cert renew begin --config "$work/token.conf"
grep -q "token's own tool" "$work/cmd.err" || fail "no words of renew"
ok "cert show, csr, sign, verify, random, selftest on a token; the rest refused in words"

# --- mutual TLS ------------------------------------------------------------
cat "$work/root.pem" "$work/ca.pem" >"$work/clients.pem"
port=$(free_port)
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
observer=(-h localhost -p "$port" --cafile "$work/ca.pem" --cert "$work/observer.pem" --key "$work/observer.key")
peer=(-h localhost -p "$port" --cafile "$work/ca.pem" --chip "$uri")

background sub cleat sub "${peer[@]}" -i sub -t to/token -C 1 -W 20
sub=$last
expect "$work/broker.err" 'Sending SUBACK to sub'
background seen mosquitto_sub "${observer[@]}" -i seen -t from/token -C 1 -W 20
seen=$last
expect "$work/broker.err" 'Sending SUBACK to seen'
status 0 cleat pub "${peer[@]}" -t from/token -m hello -q 1 -d
grep -q 'TLSv1.2 TLS-ECDHE-ECDSA.*1 key pair, 1 shared secret, 1 signature' "$work/cmd.out" "$work/cmd.err" ||
    fail "the token did not do it all"
wait "$seen" || fail "nothing came from the token's device"
[ "$(cat "$work/seen.out")" = hello ] || fail "it came wrong"
mosquitto_pub "${observer[@]}" -t to/token -m world -q 1
wait "$sub" || fail "nothing came to the token's device"
[ "$(cat "$work/sub.out")" = world ] || fail "it arrived wrong"
grep -q 'u.identity' "$work/broker.err" || fail "the broker did not see the certificate's name"
ok "pub and sub over TLS, key pair, secret and signature in the token"

# run NAME CHIP OPTIONS: a device with press and LED; calls counted.
device() {
    local name=$1 chip=$2
    shift 2
    printf 'press\nwait led on\npress\nwait led off\nquit\n' |
        cleat run --chip "$chip" --set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" \
            --set "ROOT_CA_CERTIFICATE=$work/ca.pem" "$@" >"$work/$name.out" 2>"$work/$name.err" ||
        fail "cleat run ended with $?"
    refuse "$work/$name.out" 'WARNING'
}
device run "$uri"
expect "$work/run.out" '^LED on$' 0
expect "$work/run.out" '^LED off$' 0
expect "$work/run.out" 'done by the chip: 1 key pair, 1 shared secret, 1 signature, 2 verifications' 0
device loop "$uri" --one-loop
[ "$(grep -o 'UID: .*' "$work/run.out")" = "$(grep -o 'UID: .*' "$work/loop.out")" ] || fail "UID changed"
device wide "pkcs11:token=dev;object=wide?$query"
ok "cleat run: press, LED, every operation in the token; in one loop too; a P-384 identity"

device host "$uri&x-ecdhe=host"
expect "$work/host.out" '^LED off$' 0
expect "$work/host.out" 'done by the chip: 0 key pairs?, 0 shared secrets?, 1 signature, 2 verifications' 0
ok "x-ecdhe=host: ephemeral keys in the process, the signature in the token"

# --- the PIN ---------------------------------------------------------------
nopin="pkcs11:token=dev;object=identity?module-path=$module"
status 0 env CLEAT_PKCS11_PIN=4321 cleat chip verify-identity --chip "$nopin"
said() { # said STATUS PATTERN ARGS...: words on standard error
    local want=$1 pattern=$2
    shift 2
    status "$want" "$@"
    grep -qiE -- "$pattern" "$work/cmd.out" "$work/cmd.err" || {
        cat "$work/cmd.out" "$work/cmd.err" >&2
        fail "no words like \"$pattern\""
    }
}
chip() { # chip PATTERN URI: cannot be opened
    said 3 "$1" cleat chip verify-identity --chip "$2"
}
chip 'wrong pin' "pkcs11:token=dev;object=identity?module-path=$module&pin-source=file:$work/wrong"
said 3 'pin-source=file:.*CLEAT_PKCS11_PIN' setsid -w cleat chip info --chip "$nopin"
chip 'pin file is not there' "$nopin&pin-source=file:$work/none"
chip 'pin-value is refused' "$nopin&pin-value=987654"
refuse "$work/cmd.err" '987654'
refuse "$work/cmd.out" '987654'
if ! script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    echo "SKIPPED: a PIN typed at the prompt: no pseudo-terminal here"
else
    mkfifo "$work/keys"
    script -qefc "cleat chip verify-identity --chip '$nopin'" /dev/null <"$work/keys" >"$work/typed.out" 2>&1 &
    typed=$!
    pids+=("$typed")
    exec 9>"$work/keys"
    expect "$work/typed.out" 'PIN of token "dev"'
    printf '43X\1771\02543210\1771\177\n' >&9 # deletes, starts again, deletes
    exec 9>&-
    wait "$typed" || fail "typed PIN: $(cat "$work/typed.out")"
    refuse "$work/typed.out" '43'
    grep -q 'signs for the certificate' "$work/typed.out" || fail "typed PIN did not serve"
    ok "a PIN typed at the prompt opens the token"
fi
# The device tries to open three times; the token sees the wrong PIN once.
status 3 cleat run --chip "pkcs11:token=dev;object=identity?module-path=$module&pin-source=file:$work/wrong" \
    --set MQTT_BROKER_ADDRESS=localhost --set "ROOT_CA_CERTIFICATE=$work/ca.pem"
grep -q 'wrong pin' "$work/cmd.out" || fail "the device does not say wrong pin"
ok "PIN from file, environment; wrong, missing, on the command line: refused in words"

# --- which key -------------------------------------------------------------
chip '2 keys match.*object=(identity|wide);id=%0[12] object=(identity|wide);id=%0[12]' "pkcs11:token=dev?$query"
chip 'no private key on the token matches' "pkcs11:token=dev;object=nobody?$query"
chip 'no token matches' "pkcs11:token=elsewhere?$query"
chip 'module cannot be loaded' "pkcs11:token=dev?module-path=$work/none.so"
chip 'not well formed' "pkcs11:token"
chip 'not known' "pkcs11:token=dev;colour=blue?$query"
token --keypairgen --key-type EC:prime256v1 --id 03 --label bare
token --keypairgen --key-type EC:secp384r1 --id 04 --label bare384
for key in bare bare384; do # keys that have no certificate yet
    cleat cert csr --subject /CN=x --chip "pkcs11:token=dev;object=$key?$query" | openssl req -verify -noout 2>/dev/null ||
        fail "no request for $key"
done
said 5 'no certificate on the token has the key' cleat chip verify-identity --chip "pkcs11:token=dev;object=bare?$query"
ok "several keys are listed; no key, token, module, certificate: told in words"
