#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A stand-in for an AWS IoT endpoint, made of nginx in front of Mosquitto: one
# device connects to all its kinds with only settings changed. Then TLS 1.3, all
# on the chip, sessions taken up again, revocation, an anchor in the chip.
# A gate looks at SNI and ALPN of the ClientHello and turns the wrong ones away
# before a ServerHello; behind it TLS ends, with a client certificate demanded.
. "$(dirname "$0")/lib.sh"

nginx=$(command -v nginx || true)
module=
for dir in /usr/lib/nginx/modules /usr/share/nginx/modules; do
    [ ! -f "$dir/ngx_stream_module.so" ] || module=$dir/ngx_stream_module.so
done
if [ -z "$nginx" ] || [ -z "$module" ]; then
    echo "skipped: no nginx with its stream module (Debian: nginx libnginx-mod-stream)"
    exit 77
fi

name=a1b2c3-ats.iot.local.example
server_ext="subjectAltName=DNS:$name,DNS:localhost\nextendedKeyUsage=serverAuth"
# It may sign revocation lists as well.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$work/ca.key" -out "$work/ca.pem" -days 30 -subj "/CN=ca" \
    -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign >/dev/null 2>&1
issue ca ecc "$server_ext"
# An RSA chain of three, as such endpoints have it.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/rsaroot.key" \
    -out "$work/rsaroot.pem" -days 30 -subj "/CN=rsa root" \
    -addext basicConstraints=critical,CA:TRUE >/dev/null 2>&1
export KEY_TYPE=rsa:2048 KEY_OPT=''
issue rsaroot rsamid 'basicConstraints=critical,CA:TRUE'
issue rsamid rsa "$server_ext"
unset KEY_TYPE KEY_OPT
cat "$work/rsa.pem" "$work/rsamid.pem" >"$work/rsachain.pem"

status 2 cleat run --chip "sim:$work/chip"
cp "$work/chip/factory-ca.pem" "$work/devices.pem"

plain=$(free_port)
broker plain "$plain" 'allow_anonymous true'

ports=()
for _ in $(seq 6); do
    port=$(free_port)
    while [[ " ${ports[*]} " == *" $port "* ]]; do port=$(free_port); done
    ports+=("$port")
done
read -r ecc443 ecc8883 rsa443 ecc_in ecc_in2 rsa_in <<<"${ports[*]}"
shut=1 # no test listens there

tls_server() { # tls_server PORT CERTIFICATE KEY
    cat <<CONF
    server {
        listen 127.0.0.1:$1 ssl;
        ssl_certificate $work/$2;
        ssl_certificate_key $work/$3;
        ssl_client_certificate $work/devices.pem;
        ssl_verify_client on;
        ssl_verify_depth 3;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_alpn x-amzn-mqtt-ca mqtt;
        ssl_session_cache none;
        ssl_session_tickets off;
        proxy_pass 127.0.0.1:$plain;
        access_log $work/endpoint.log seen;
    }
CONF
}
gate() { # gate PORT MAP
    cat <<CONF
    server {
        listen 127.0.0.1:$1;
        ssl_preread on;
        proxy_pass \$$2;
    }
CONF
}
cat >"$work/nginx.conf" <<CONF
load_module $module;
daemon off;
master_process off;
pid $work/nginx.pid;
error_log $work/nginx.log info;
events { worker_connections 64; }
stream {
    log_format seen '\$ssl_protocol \$ssl_cipher \$ssl_server_name \$ssl_client_verify \$ssl_client_s_dn';
    map "\$ssl_preread_server_name|\$ssl_preread_alpn_protocols" \$ecc443 {
        default 127.0.0.1:$shut;
        "$name|x-amzn-mqtt-ca" 127.0.0.1:$ecc_in;
    }
    map "\$ssl_preread_server_name" \$ecc8883 {
        default 127.0.0.1:$shut;
        "$name" 127.0.0.1:$ecc_in2;
    }
    map "\$ssl_preread_server_name|\$ssl_preread_alpn_protocols" \$rsa443 {
        default 127.0.0.1:$shut;
        "$name|x-amzn-mqtt-ca" 127.0.0.1:$rsa_in;
    }
$(gate "$ecc443" ecc443)
$(gate "$ecc8883" ecc8883)
$(gate "$rsa443" rsa443)
$(tls_server "$ecc_in" ecc.pem ecc.key)
$(tls_server "$ecc_in2" ecc.pem ecc.key)
$(tls_server "$rsa_in" rsachain.pem rsa.key)
}
CONF
background nginx "$nginx" -p "$work" -e "$work/nginx.log" -c "$work/nginx.conf"
for port in "$ecc443" "$ecc8883" "$rsa443"; do listening "$port"; done

# One press there and back. What is not given stays as it is here.
run=(cleat run --chip "sim:$work/chip" --profile none --set MQTT_BROKER_ADDRESS=localhost
    --set "MQTT_SNI_HOSTNAME=$name" --set "ROOT_CA_CERTIFICATE=$work/ca.pem"
    --set MAX_MQTT_CONN_RETRIES=1)
alpn=(--set MQTT_ALPN_PROTOCOL_NAME=x-amzn-mqtt-ca)
rsa=(--set "ROOT_CA_CERTIFICATE=$work/rsaroot.pem" --set TLS_KEY_EXCHANGES=ECDHE_ECDSA,ECDHE_RSA)
press() { # press PATTERN OPTIONS...
    local pattern=$1
    shift
    printf 'press\nwait led on\nquit\n' | "${run[@]}" "$@" >"$work/cmd.out" 2>"$work/cmd.err" || {
        cat "$work/cmd.out" "$work/cmd.err" >&2
        fail "no connection with: $*"
    }
    grep -qE -- "$pattern" "$work/cmd.out" "$work/cmd.err" || {
        cat "$work/cmd.out" "$work/cmd.err" >&2
        fail "no line like \"$pattern\" with: $*"
    }
}
try() { # try PATTERN OPTIONS...: it must not connect, and say why
    local pattern=$1
    shift
    status 5 "${run[@]}" "$@"
    grep -qiE -- "$pattern" "$work/cmd.out" || {
        cat "$work/cmd.out" >&2
        fail "no words like \"$pattern\" with: $*"
    }
}

for version in '0 TLSv1.2' '1 TLSv1.3' '2 TLSv1.3'; do
    set=(--set "TLS_1_3=${version% *}")
    press "TLS: ${version#* } " --set "MQTT_PORT=$ecc443" "${alpn[@]}" "${set[@]}"
    press "TLS: ${version#* } " --set "MQTT_PORT=$ecc8883" "${set[@]}"
    press "TLS: ${version#* } " --set "MQTT_PORT=$rsa443" "${alpn[@]}" "${rsa[@]}" "${set[@]}"
done
end=$((SECONDS + 15)) # it writes when a connection has ended at both sides
until [ "$(grep -c " $name SUCCESS " "$work/endpoint.log")" -ge 9 ]; do
    [ $SECONDS -lt $end ] || fail "the endpoint saw: $(cat "$work/endpoint.log")"
    sleep 0.05
done
[ "$(grep -c " $name SUCCESS " "$work/endpoint.log")" = 9 ] || fail "the endpoint saw: $(cat "$work/endpoint.log")"
ok "ECC and RSA endpoints, by ALPN and without, TLS 1.2 and 1.3: with only settings changed"

try 'host name or alpn' --set "MQTT_PORT=$ecc443"
try 'host name or alpn' --set "MQTT_PORT=$ecc443" --set MQTT_ALPN_PROTOCOL_NAME=mqtt
try 'host name or alpn' --set "MQTT_PORT=$ecc443" "${alpn[@]}" --set MQTT_SNI_HOSTNAME=other.example
try 'host name or alpn' --set "MQTT_PORT=$ecc8883" --set MQTT_SNI_HOSTNAME=
try 'unknown ca' --set "MQTT_PORT=$rsa443" "${alpn[@]}" --set TLS_KEY_EXCHANGES=ECDHE_ECDSA,ECDHE_RSA
try 'no common suite|handshake_failure' --set "MQTT_PORT=$rsa443" "${alpn[@]}"
ok "missing or wrong ALPN, wrong or missing SNI, wrong root, RSA not allowed: in words"

before=$(grep -c . "$work/endpoint.log")
if mosquitto_pub -h localhost -p "$ecc_in2" --cafile "$work/ca.pem" -t a -m b >"$work/nocert.out" 2>&1; then
    fail "a client without a certificate was let in"
fi
openssl s_client -connect "127.0.0.1:$ecc_in2" -servername "$name" </dev/null >/dev/null 2>&1 || true
make_ca stranger
issue stranger thief 'extendedKeyUsage=clientAuth'
status 5 cleat run --chip "soft:$work/thief.key,$work/thief.pem" "${run[@]:4}" --set "MQTT_PORT=$ecc8883"
grep -qi 'closed' "$work/cmd.out" || fail "no words for a certificate that is not known"
expect "$work/nginx.log" 'no required SSL certificate|client sent no required'
expect "$work/nginx.log" 'client SSL certificate verify error'
[ "$before" -ge 9 ]
ok "without a certificate of its CA the endpoint lets nobody in"

press 'TLS: TLSv1.3 ' --set "MQTT_PORT=$ecc443" "${alpn[@]}" --set TLS_1_3=1 --set TLS_ALL_ON_CHIP=1
expect "$work/cmd.out" 'done by the chip: 1 key pair, 1 shared secret, 1 ' 0
status 2 "${run[@]}" --set "MQTT_PORT=$rsa443" "${alpn[@]}" "${rsa[@]}" --set TLS_ALL_ON_CHIP=1
grep -q 'all on the chip is demanded, but rsa' "$work/cmd.out" || fail "RSA beside all on the chip"
status 2 "${run[@]}" --set "MQTT_PORT=$ecc443" --set TLS_CHIP_RANDOM=0 --set TLS_ALL_ON_CHIP=1
status 2 "${run[@]}" --set "MQTT_PORT=$ecc443" --set TLS_CHAIN_CHECK=2 --set TLS_ALL_ON_CHIP=1
press 'verif' --set "MQTT_PORT=$ecc8883" --set TLS_CHAIN_CHECK=2
ok "all on the chip is kept, or refused where settings contradict it"

# Sessions. The endpoint keeps none, as AWS IoT gives no tickets: still connects.
resume=(--set TLS_SESSION_RESUMPTION=1 --set "TLS_SESSION_FILE=$work/session" -v)
press 'resumed=0' --set "MQTT_PORT=$ecc8883" "${resume[@]}"
press 'resumed=0' --set "MQTT_PORT=$ecc8883" "${resume[@]}"
tls_port=$(free_port)
cat "$work/ca.pem" "$work/devices.pem" >"$work/clients.pem"
broker tls "$tls_port" "cafile $work/clients.pem\ncertfile $work/ecc.pem\nkeyfile $work/ecc.key\nrequire_certificate true\nuse_identity_as_username true"
direct=(--set "MQTT_PORT=$tls_port")
press 'resumed=0' "${direct[@]}" -v
press 'resumed=0' "${direct[@]}" "${resume[@]}"
[ "$(stat -c %a "$work/session")" = 600 ] || fail "others may read the session's file"
press 'resumed=1 generate=0 agree=0 sign=0 verify=0 random=0' "${direct[@]}" "${resume[@]}"
chmod 644 "$work/session"
press 'resumed=0' "${direct[@]}" "${resume[@]}"
grep -q 'others may read it' "$work/cmd.err" || fail "a session that others may read was used"
printf 'damaged' >"$work/session"
chmod 600 "$work/session"
press 'resumed=0' "${direct[@]}" "${resume[@]}"
press 'resumed=0' "${direct[@]}" "${resume[@]}" --set TLS_1_3=1
press 'resumed=1 generate=1 agree=1 sign=0 verify=0 random=0' "${direct[@]}" "${resume[@]}" --set TLS_1_3=1
ok "a session is taken up after a restart with no chip operation; a foreign or damaged file is not used"

printf 'press\nwait led on\nlink down\nsleep 1\nlink up\nsleep 2\npress\nwait led off\nquit\n' |
    "${run[@]}" "${direct[@]}" --set TLS_SESSION_RESUMPTION=1 --set MAX_MQTT_CONN_RETRIES=20 \
        --set MQTT_CONN_RETRY_INTERVAL_MS=50 -v >"$work/again.out" 2>"$work/again.err" || {
    cat "$work/again.out" "$work/again.err" >&2
    fail "no reconnection"
}
expect "$work/again.err" 'resumed=0 .* sign=1' 0
expect "$work/again.err" 'resumed=1 generate=0 agree=0 sign=0 verify=0 random=0' 0
ok "so it is after a cut link, in memory"

# Revocation.
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index\ncrlnumber=%s/number\ndefault_md=sha256\ndefault_crl_days=1\n' \
    "$work" "$work" >"$work/ca.conf"
: >"$work/index"
echo 01 >"$work/number"
gencrl() {
    openssl ca -config "$work/ca.conf" -gencrl -cert "$work/ca.pem" -keyfile "$work/ca.key" -out "$work/$1" >/dev/null 2>&1
}
gencrl none.crl
openssl ca -config "$work/ca.conf" -revoke "$work/ecc.pem" -cert "$work/ca.pem" -keyfile "$work/ca.key" >/dev/null 2>&1
gencrl revoked.crl
press 'TLS: TLSv1.2' --set "MQTT_PORT=$ecc8883" --set "TLS_CRL_FILE=$work/none.crl"
try "server's certificate is revoked" --set "MQTT_PORT=$ecc8883" --set "TLS_CRL_FILE=$work/revoked.crl"
try "server's certificate is revoked" --set "MQTT_PORT=$ecc8883" --set "TLS_CRL_FILE=$work/revoked.crl" --set TLS_1_3=1
status 2 "${run[@]}" --set "TLS_CRL_FILE=$work/nothing.crl"
status 2 "${run[@]}" --set "TLS_CRL_FILE=$work/ca.conf"
ok "a revoked endpoint is refused by name, a missing or unreadable list too"

# The root CA in the chip's trust anchor object.
openssl x509 -in "$work/ca.pem" -outform DER -out "$work/ca.der"
cleat chip write 0xE0E8 --chip "sim:$work/chip" --file "$work/ca.der" --confirm 0xE0E8 >"$work/write.out" 2>&1 || {
    cat "$work/write.out" >&2
    fail "the anchor cannot be written"
}
press 'TLS: TLSv1.2' --set "MQTT_PORT=$ecc8883" --set ROOT_CA_CERTIFICATE=0xE0E8
try 'unknown ca' --set "MQTT_PORT=$rsa443" "${alpn[@]}" "${rsa[@]}" --set ROOT_CA_CERTIFICATE=0xE0E8
try '0xE0E9|no such|certificate' --set "MQTT_PORT=$ecc8883" --set ROOT_CA_CERTIFICATE=0xE0E9
ok "the root CA may lie in the chip"

# mbedTLS's PSA has one store of keys for the process: three devices at once.
printf 'press 1\nwait led on 10 3\nquit\n' |
    cleat kit --dir "$work/kits" --kits 3 --set TLS_1_3=1 --set TLS_SESSION_RESUMPTION=1 \
        >"$work/kits.out" 2>"$work/kits.err" || fail "three devices in one process"
[ "$(grep -c 'TLS: TLSv1.3' "$work/kits.out")" = 3 ] || fail "not all three by TLS 1.3"
ok "three devices in one process, by TLS 1.3, at once"
