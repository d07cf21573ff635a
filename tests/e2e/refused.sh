#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A broker that does not accept our certificate says so in an alert and hangs
# up, often while we still send: `run`, `pub` and `sub` tell which alert, in TLS
# 1.2 and 1.3.
. "$(dirname "$0")/lib.sh"

make_ca stranger
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$work/ca.key" -out "$work/ca.pem" -days 30 -subj /CN=ca \
    -addext keyUsage=critical,keyCertSign,cRLSign >/dev/null 2>&1
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
issue ca good 'extendedKeyUsage=clientAuth'
issue ca revoked 'extendedKeyUsage=clientAuth'
issue ca expired 'extendedKeyUsage=clientAuth' -days 0
issue stranger unknown 'extendedKeyUsage=clientAuth'
printf '%s\n' '[ca]' 'default_ca=it' '[it]' "database=$work/index" \
    'default_md=sha256' 'default_crl_days=30' "crlnumber=$work/number" >"$work/ca.conf"
: >"$work/index"
echo 01 >"$work/number"
ca=(openssl ca -config "$work/ca.conf" -cert "$work/ca.pem" -keyfile "$work/ca.key")
"${ca[@]}" -revoke "$work/revoked.pem" 2>/dev/null
"${ca[@]}" -gencrl -out "$work/crl.pem" 2>/dev/null
sleep 1.1 # "expired" is good for a second

port=$(free_port)
broker broker "$port" "cafile $work/ca.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\ncrlfile $work/crl.pem\nrequire_certificate true\nuse_identity_as_username true"

# told PATTERN: the last command said so.
told() {
    cat "$work/cmd.out" "$work/cmd.err" >"$work/all"
    grep -qE -- "$1" "$work/all" || {
        cat "$work/all" >&2
        fail "no words like \"$1\""
    }
}

# refused CHIP TLS_1_3 ALERT WORDS
refused() {
    local chip=$1 version=$2 pattern="refused by the server \(alert $3\); $4"
    local told="run says $3 in TLS 1.3"
    status 5 cleat run --chip "$chip" --set MQTT_BROKER_ADDRESS=localhost \
        --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/ca.pem" \
        --set MAX_MQTT_CONN_RETRIES=1 --set "TLS_1_3=$version"
    told "$pattern"
    for command in 'pub -m x' sub; do
        [ "$version" = 0 ] || continue
        told="run, pub and sub say $3 in TLS 1.2"
        # shellcheck disable=SC2086 # a command and its flags
        ! cleat $command -t t -h localhost -p "$port" --cafile "$work/ca.pem" \
            --chip "$chip" >"$work/cmd.out" 2>"$work/cmd.err" </dev/null ||
            fail "$command: not refused"
        told "$pattern"
    done
    ok "$told"
}

soft() {
    echo "soft:$work/$1.key,$work/$1.pem"
}

# A chip takes its time to sign; meanwhile the broker has hung up. Its
# certificate is of a CA of its own.
for version in 0 1; do
    for chip in "sim:$work/chip" "sim:$work/chip" "$(soft unknown)" "$(soft unknown)"; do
        refused "$chip" "$version" unknown_ca 'it does not know who signed our certificate'
    done
    refused "$(soft expired)" "$version" certificate_expired 'our certificate has expired'
    refused "$(soft revoked)" "$version" certificate_revoked 'our certificate is revoked there'
done
status 0 cleat pub -t t -m x -q 1 -h localhost -p "$port" --cafile "$work/ca.pem" \
    --chip "$(soft good)"
ok "a good certificate is still taken"
