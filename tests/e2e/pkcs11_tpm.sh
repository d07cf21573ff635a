#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A device whose key is in a TPM 2.0: a virtual one (swtpm) behind tpm2-pkcs11.
# This module has neither ECDH nor session keys: the refusal says what to set.
for tool in swtpm tpm2-abrmd tpm2_ptool dbus-run-session; do
    command -v "$tool" >/dev/null || {
        echo "skipped: needs swtpm, tpm2-abrmd, libtss2-tcti-tabrmd0," \
            "libtss2-tcti-swtpm0, libtpm2-pkcs11-1, libtpm2-pkcs11-tools, dbus"
        exit 77
    }
done
if [ -z "${IN_BUS_OF_ITS_OWN:-}" ]; then
    IN_BUS_OF_ITS_OWN=1 exec dbus-run-session -- bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

module=""
for m in /usr/lib/*/pkcs11/libtpm2_pkcs11.so /usr/lib64/pkcs11/libtpm2_pkcs11.so; do
    [ ! -e "$m" ] || module=$m
done
cleat chip list | grep -q '^  pkcs11 ' && [ -n "$module" ] || {
    echo "skipped: built without p11-kit, or no tpm2-pkcs11 module"
    exit 77
}
unset CLEAT_PKCS11_PIN CLEAT_CHIP
# The module's libraries keep what they opened until the process ends.
export ASAN_OPTIONS=detect_leaks=0
# They have threads of their own, built without ThreadSanitizer.
export TSAN_OPTIONS="ignore_noninstrumented_modules=1 ${TSAN_OPTIONS:-}"

mkdir "$work/state" "$work/store"
tpm=$(free_port)
control=$((tpm + 1)) # where the library looks for it
background swtpm swtpm socket --tpm2 --tpmstate "dir=$work/state" \
    --server "type=tcp,port=$tpm,bindaddr=127.0.0.1" \
    --ctrl "type=tcp,port=$control,bindaddr=127.0.0.1" --flags not-need-init,startup-clear
listening "$control"
allow=()
[ "$(id -u)" -ne 0 ] || allow=(--allow-root)
background abrmd tpm2-abrmd --session "${allow[@]}" --tcti="swtpm:host=127.0.0.1,port=$tpm"
abrmd=$last
export TPM2TOOLS_TCTI=tabrmd:bus_type=session TPM2_PKCS11_TCTI=tabrmd:bus_type=session
export TPM2_PKCS11_STORE=$work/store TPM2_PKCS11_LOG_LEVEL=0
tool() { tpm2_ptool "$@" --path "$work/store" >"$work/tool.out" 2>&1; }
made=0
for _ in $(seq 40); do
    ! tool init || {
        made=1
        break
    }
    kill -0 "$abrmd" 2>/dev/null || break
    sleep 0.25
done
[ $made = 1 ] || {
    cat "$work/abrmd.err" "$work/tool.out"
    echo "skipped: no virtual TPM could be started here"
    exit 77
}
tool addtoken --pid=1 --sopin=officer --userpin=4321 --label=tpm
tool addkey --algorithm=ecc256 --label=tpm --key-label=identity --id=01 --userpin=4321
printf '4321\n' >"$work/pin"
chmod 600 "$work/pin"

make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
uri="pkcs11:token=tpm;object=identity?module-path=$module&pin-source=file:$work/pin"
status 5 cleat chip cert --chip "$uri"
grep -q 'no certificate on the token' "$work/cmd.err" || fail "a certificate out of nowhere"

# The public key, for the certificate: from the module, as SubjectPublicKeyInfo.
pkcs11-tool --module "$module" --token-label tpm -l --pin 4321 -O --type pubkey >"$work/list.out" 2>/dev/null ||
    fail "pkcs11-tool cannot list"
point=$(sed -n 's/^ *EC_POINT: *04..//p' "$work/list.out" | head -n 1)
printf '%b' "$(echo "3059301306072A8648CE3D020106082A8648CE3D030107034200$point" | sed 's/../\\x&/g')" >"$work/device.pub"
openssl pkey -pubin -inform DER -in "$work/device.pub" -out "$work/device.pub.pem"
openssl req -new -key "$work/ca.key" -subj /CN=tpm-device -out "$work/device.csr"
openssl x509 -req -in "$work/device.csr" -force_pubkey "$work/device.pub.pem" -CA "$work/ca.pem" \
    -CAkey "$work/ca.key" -CAcreateserial -days 30 -out "$work/device.pem" \
    -extfile <(echo extendedKeyUsage=clientAuth) 2>/dev/null
tool addcert --label=tpm --key-label=identity "$work/device.pem"
status 0 cleat chip verify-identity --chip "$uri"
grep -q 'CN = tpm-device' "$work/cmd.out" || fail "identity"
[ "$(cleat chip random 16 --chip "$uri" --raw | wc -c)" = 16 ] || fail "random"
ok "a key in the TPM signs for its certificate; the TPM gives random numbers"

port=$(free_port)
broker broker "$port" "cafile $work/ca.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
peer=(-h localhost -p "$port" --cafile "$work/ca.pem" -t from/tpm -m hello -q 1)
status 1 cleat pub "${peer[@]}" --chip "$uri"
grep -q 'CKM_ECDH1_DERIVE.*x-ecdhe=host\|x-ecdhe=host' "$work/cmd.err" || fail "not told what to set: $(cat "$work/cmd.err")"
ok "without ECDH in the token the connection is refused, and the setting named"
status 0 cleat pub "${peer[@]}" --chip "$uri&x-ecdhe=host"
expect "$work/broker.err" "u'tpm-device'" 5
printf 'press\nwait led on\nquit\n' | cleat run --chip "$uri&x-ecdhe=host" --set MQTT_BROKER_ADDRESS=localhost \
    --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/ca.pem" >"$work/run.out" 2>"$work/run.err"
expect "$work/run.out" '^LED on$' 0
expect "$work/run.out" 'done by the chip: 0 key pairs?, 0 shared secrets?, 1 signature, 0 verifications' 0
ok "with ephemeral keys in the process it connects, and the TPM signs"
