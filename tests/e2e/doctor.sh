#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat doctor` on a way that is whole, and on some hundred that are broken in
# one place each: it must name that place, with its exit status and a remedy.
. "$(dirname "$0")/lib.sh"
chmod 711 "$work" # some cases are another user's

declare -A seen=()
base=()
wrong=()
left_out=() # what this machine cannot be made to show

# diagnose CAUSE STATUS WORDS OPTIONS...: one broken set-up. A short time-out is
# for what never answers: where a busy machine was too slow for the way to there,
# once more with a long one.
diagnose() {
    local cause=$1 want=$2 words=$3 got found time
    shift 3
    for time in '' 10000; do
        got=0
        "${as[@]}" "${program:-cleat}" doctor --json --hold 1500 "${base[@]}" "$@" ${time:+--set "MQTT_TIMEOUT_MS=$time"} \
            >"$work/cmd.out" 2>"$work/cmd.err" </dev/null || got=$?
        found=$(sed -n 's/^\t\t"cause":\t"\(.*\)",$/\1/p' "$work/cmd.out")
        [[ $found != "$cause" && $found =~ -(silent|timeout)$ && $* =~ MQTT_TIMEOUT_MS=[57]00 ]] || break
    done
    if [ "$found" != "$cause" ] || [ "$got" != "$want" ] || ! grep -q '^		"remedy":	"..*"$' "$work/cmd.out"; then
        wrong+=("$words: $cause ($want) expected, ${found:-nothing} ($got) found: $(sed -n 's/^\t\t"found"://p' "$work/cmd.out")")
        cat "$work/cmd.err" >&2
        return
    fi
    seen[$cause]=1
    ok "$cause: $words"
}
# well WORDS OPTIONS...: a way that is whole.
well() {
    local words=$1
    shift
    status 0 cleat doctor --json --hold 300 "${base[@]}" "$@"
    ok "all is well: $words"
}
as=()
as_nobody() {
    if [ "$(id -u)" -eq 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/cleat" --version >/dev/null 2>&1; then
        as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    elif [ "$(id -u)" -eq 0 ]; then
        return 1
    fi
}

# ---- what a good device and broker are ----
make_ca ca
make_ca other
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
cleat-chipsim --dir "$work/chip" --print-info >"$work/chip.pem"
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
secure="cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
port=$(free_port)
broker broker "$port" "$secure"
good=$port
base=(--set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/ca.pem" --set MQTT_TIMEOUT_MS=10000)
chip=(--chip "sim:$work/chip")

status 0 cleat doctor --hold 300 "${base[@]}" "${chip[@]}"
for step in settings bus chip certificate key clock name tcp tls mqtt round-trip; do
    grep -qE "^ok    $step " "$work/cmd.out" || fail "no line for $step"
done
grep -q 'verified with CA CN=ca; on the chip: 1 key pair, 1 agreement, 1 signature, 2 verifications' "$work/cmd.out" || fail "TLS line"
ok "a line a step, with CA, suite and what the chip did"

# ---- settings ----
diagnose settings-refused 2 "a value out of range" "${chip[@]}" --set MQTT_MESSAGES_QOS=7
diagnose settings-refused 2 "a setting that does not exist" "${chip[@]}" --set MQTT_PROT=1
diagnose settings-incomplete 2 "no broker" "${chip[@]}" --set MQTT_BROKER_ADDRESS=
diagnose settings-incomplete 2 "no root CA" "${chip[@]}" --set ROOT_CA_CERTIFICATE=
diagnose ca-unreadable 2 "root CA's file is missing" "${chip[@]}" --set "ROOT_CA_CERTIFICATE=$work/nothing.pem"
echo nonsense >"$work/nonsense.pem"
diagnose ca-unreadable 2 "root CA's file holds no certificate" "${chip[@]}" --set "ROOT_CA_CERTIFICATE=$work/nonsense.pem"

diagnose settings-profile 2 "QoS 2 at AWS" "${chip[@]}" --set MQTT_MESSAGES_QOS=2 --set MQTT_BROKER_ADDRESS=abc-ats.iot.eu-west-1.amazonaws.com

# ---- bus ----
sim() { # sim NAME OPTIONS...: a virtual chip on a socket
    local name=$1
    shift
    [ -d "$work/$name.dir" ] || cp -r "$work/chip" "$work/$name.dir"
    rm -f "$work/$name.dir/lock"
    background "$name" cleat-chipsim --dir "$work/$name.dir" --listen "$work/$name.sock" "$@"
    expect "$work/$name.out" listening
}
diagnose chip-unset 10 "no chip named"
diagnose chip-form 10 "no such form" --chip "usb:7"
diagnose sim-missing 10 "no virtual chip in the folder" --chip "sim:$work/nowhere"
[ ! -e "$work/nowhere" ] || fail "the doctor made a chip"
cp -r "$work/chip" "$work/torn.dir" && echo torn >"$work/torn.dir/chip.state"
diagnose sim-damaged 10 "the virtual chip's state is damaged" --chip "sim:$work/torn.dir"
diagnose socket-missing 10 "no such socket" --chip "unix:$work/nobody.sock"
sim live
well "a chip on a socket" --chip "unix:$work/live.sock"
diagnose chip-busy 10 "the folder is in use" --chip "sim:$work/live.dir"
background holder standin hold "$work/live.sock"
expect "$work/holder.out" ready
diagnose chip-busy 10 "another client has the chip" --chip "unix:$work/live.sock"
kill "$last"
sim gone
kill -KILL "$last"
wait "$last" 2>/dev/null || true
diagnose socket-dead 10 "a socket that was left over" --chip "unix:$work/gone.sock"
diagnose socket-other 10 "a file that is no socket" --chip "unix:$work/ca.pem"
background mumble standin "unix:$work/mumble.sock" mumble
expect "$work/mumble.out" ready
diagnose socket-other 10 "a socket of something else" --chip "unix:$work/mumble.sock"
diagnose i2c-missing 10 "no such I2C device" --chip i2c:/dev/i2c-none
diagnose i2c-other 10 "a device that is no I2C bus" --chip i2c:/dev/null
if as_nobody; then
    chmod 700 "$work/live.sock"
    diagnose socket-denied 10 "a socket of another user" --chip "unix:$work/live.sock"
    : >"$work/i2c-9" && chmod 000 "$work/i2c-9"
    diagnose i2c-denied 10 "an I2C device of another user" --chip "i2c:$work/i2c-9"
else
    left_out+=(socket-denied i2c-denied)
fi
as=()
sim jig
: >"$work/jig.sock.lock"
export JIG=$work/jig.sock
program=cleat-jig # on a kernel that is played: tests/e2e/jig.c
jig=i2c:/dev/i2c-7
diagnose line-form 10 "an offset without its GPIO chip" --chip "$jig,reset=17"
diagnose line-form 10 "a name that two lines have" --chip "$jig" --set CHIP_RESET_LINE=TWIN
diagnose line-missing 10 "no such GPIO chip" --chip "$jig" --set CHIP_RESET_LINE=/dev/gpiochip3:1
diagnose line-missing 10 "an offset out of range" --chip "$jig" --set CHIP_POWER_LINE=gpiochip7:99
diagnose line-missing 10 "no line of that name" --chip "$jig,reset=gpiochip7:NRST"
diagnose line-denied 10 "a GPIO chip of another user" --chip "$jig,reset=gpiochip8:1"
diagnose line-busy 10 "a line that a driver has" --chip "$jig,reset=CS0"
grep -q 'in use by \\"spi0 CS0\\"' "$work/cmd.out" || fail "who has the line is not told"
diagnose line-input 10 "a line that is an input only" --chip "$jig,power=IN"
diagnose line-same 10 "one line for both" --chip "$jig,power=RST" --set CHIP_RESET_LINE=gpiochip7:1
diagnose line-failed 10 "a kernel that is too old" --chip "$jig,reset=gpiochip9:0"
diagnose chip-form 10 "an option that there is not" --chip "$jig,rst=RST"
unset program
diagnose driver-refused 10 "files of the soft driver are missing" --chip "soft:$work/no.key,$work/no.pem"
sim nack --fault-rate nack:1
diagnose bus-nack 10 "nothing acknowledges the address" --chip "unix:$work/nack.sock"
sim stretch --fault-rate stretch:1
diagnose bus-failed 10 "the clock line is held" --chip "unix:$work/stretch.sock"
background stuck standin "unix:$work/stuck.sock" stuck
expect "$work/stuck.out" ready
diagnose bus-other 10 "lines that are stuck" --chip "unix:$work/stuck.sock"

# ---- chip ----
sim mute --fault-rate mute:1
diagnose chip-silent 11 "it acknowledges and never answers" --chip "unix:$work/mute.sock"
for kind in garbage status badchain; do
    sim "$kind" --fault-rate "$kind:1"
    diagnose chip-garbled 11 "its answers are wrong ($kind)" --chip "unix:$work/$kind.sock"
done

cp -r "$work/chip" "$work/paired"
status 0 cleat chip pair --chip "sim:$work/paired" --secret-file "$work/secret" --confirm 0xE140
well "a shielded connection to the chip" --chip "sim:$work/paired" --shield "$work/secret"
tr 0-9a-f 1-9a-f0 <"$work/secret" >"$work/wrong.secret"
chmod 600 "$work/wrong.secret"
diagnose chip-not-paired 11 "another host's binding secret" --chip "sim:$work/paired" --shield "$work/wrong.secret"
diagnose chip-refuses 11 "a shielded connection to a chip that nobody paired" "${chip[@]}" --shield "$work/secret"
diagnose secret-unreadable 11 "no file with a binding secret" "${chip[@]}" --shield "$work/nothing"
echo 12345 >"$work/odd.secret"
diagnose secret-unreadable 11 "a binding secret that is no hex" "${chip[@]}" --set "CHIP_SHIELD=$work/odd.secret"
diagnose chip-no-shield 11 "an element without a shielded connection" --chip "soft:$work/broker.key,$work/broker.pem" --shield "$work/secret"

# ---- certificate and key ----
cp -r "$work/chip" "$work/odd"
odd=(--chip "sim:$work/odd")
diagnose certificate-no-object 12 "no such object" "${chip[@]}" --set CLIENT_CERTIFICATE=0xE0D9
diagnose certificate-empty 12 "an empty object" "${chip[@]}" --set CLIENT_CERTIFICATE=0xE0E1
head -c 300 /dev/urandom >"$work/random"
chipset "$work/odd" write 0xE0E1 "$work/random"
diagnose certificate-garbage 12 "an object with random bytes" "${odd[@]}" --set CLIENT_CERTIFICATE=0xE0E1
diagnose certificate-garbage 12 "an object of another kind" "${odd[@]}" --set CLIENT_CERTIFICATE=0xE0C2
openssl x509 -in "$work/ca.pem" -outform DER -out "$work/ca.der"
openssl x509 -in "$work/broker.pem" -outform DER -out "$work/broker.der"
certificate() { # certificate OBJECT PUBLIC-KEY NAME EXTENSIONS: into the odd chip
    openssl x509 -req -in "$work/broker.csr" -force_pubkey "$2" -CA "$work/ca.pem" -CAkey "$work/ca.key" \
        -CAcreateserial -out "$work/$3.pem" -extfile <(printf '%b' "$4") >/dev/null 2>&1
    openssl x509 -in "$work/$3.pem" -outform DER -out "$work/$3.der"
    chipset "$work/odd" write "$1" "$work/$3.der"
}
diagnose key-no-object 13 "no such key object" "${chip[@]}" --set CLIENT_PRIVATE_KEY=0xE0FF
diagnose key-empty 13 "an empty key object" "${chip[@]}" --set CLIENT_PRIVATE_KEY=0xE0F1
chipset "$work/odd" generate 0xE0F1 0x10 >"$work/f1.pub"
diagnose key-mismatch 13 "the key of another certificate" "${odd[@]}" --set CLIENT_PRIVATE_KEY=0xE0F1
chipset "$work/odd" generate 0xE0F2 0x20 >"$work/f2.pub"
certificate 0xE0E2 "$work/f2.pub" agree ''
diagnose key-usage 13 "a key that may only agree" "${odd[@]}" --set CLIENT_PRIVATE_KEY=0xE0F2 --set CLIENT_CERTIFICATE=0xE0E2
# A key whose uses are counted, and one for the shielded connection alone.
cp -r "$work/paired" "$work/ruled"
ruled=(--chip "sim:$work/ruled" --set CLIENT_PRIVATE_KEY=0xE0F0)
status 0 cleat chip counter set 0xE120 --count 0 --threshold 1 --chip "sim:$work/ruled" --confirm 0xE120
status 0 cleat chip metadata set 0xE0F0 --execute 'Luc(0xE120)' --chip "sim:$work/ruled" --confirm 0xE0F0
status 0 cleat chip sign 0xE0F0 --digest "$(sha256sum <"$work/ca.pem" | cut -c1-64)" --chip "sim:$work/ruled"
diagnose key-failed 13 "a key whose counted uses are used up" "${ruled[@]}"
status 0 cleat chip metadata set 0xE0F0 --execute 'Conf(0xE140)' --chip "sim:$work/ruled" --confirm 0xE0F0
diagnose key-failed 13 "a key for the shielded connection alone" "${ruled[@]}"
well "the same over the shielded connection" "${ruled[@]}" --shield "$work/secret"
certificate 0xE0E1 "$work/f1.pub" second 'extendedKeyUsage=clientAuth'
well "another key and its certificate" "${odd[@]}" --set CLIENT_PRIVATE_KEY=0xE0F1 --set CLIENT_CERTIFICATE=0xE0E1
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 2>/dev/null | openssl pkey -pubout -out "$work/p384.pub"
certificate 0xE0E3 "$work/p384.pub" p384 ''
diagnose key-mismatch 13 "a certificate for a key on another curve" "${odd[@]}" --set CLIENT_CERTIFICATE=0xE0E3
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1 2>/dev/null | openssl pkey -pubout -out "$work/brainpool.pub"
certificate 0xE0E3 "$work/brainpool.pub" brainpool ''
diagnose certificate-key-kind 12 "a certificate for a curve that TLS does not take" "${odd[@]}" --set CLIENT_CERTIFICATE=0xE0E3
KEY_TYPE=rsa:2048 KEY_OPT='' issue ca rsadev ''
openssl x509 -in "$work/rsadev.pem" -outform DER -out "$work/rsadev.der"
chipset "$work/odd" write 0xE0E3 "$work/rsadev.der"
diagnose certificate-key-kind 12 "a certificate for an RSA key" "${odd[@]}" --set CLIENT_CERTIFICATE=0xE0E3

cp -r "$work/chip" "$work/shut"
printf '\x20\x03\xd1\x01\xff' >"$work/never"
chipset "$work/shut" write 0xE0E2 "$work/ca.der"
chipset "$work/shut" metadata 0xE0E2 "$work/never"
diagnose certificate-unreadable 12 "an object that may not be read" --chip "sim:$work/shut" --set CLIENT_CERTIFICATE=0xE0E2
cat "$work/broker.pem" "$work/other.pem" >"$work/mixedup.pem"
diagnose certificate-chain 12 "a chain of strangers" --chip "soft:$work/broker.key,$work/mixedup.pem"

# ---- clock ----
for when in 2025-02-31 1970-01-01 99999999999999999999 -5 '' 2025-06-01x; do
    status 2 cleat doctor "${chip[@]}" --clock "$when"
    grep -q 'nor a day as YYYY-MM-DD' "$work/cmd.err" || fail "--clock \"$when\" is refused without words"
done
diagnose clock-unset 14 "a clock that was never set" "${chip[@]}" --clock 86400
diagnose clock-behind 14 "a clock that stands in the past" "${chip[@]}" --clock 2025-06-01
diagnose certificate-expired 14 "the certificate has expired" "${chip[@]}" --clock 2070-01-01
diagnose ca-expired 14 "the root CA has expired" "${chip[@]}" --clock "$(($(date +%s) + 40 * 86400))"
# dated NAME CA FROM TO EXTENSIONS: a certificate with these dates
dated() {
    mkdir -p "$work/$1.ca"
    : >"$work/$1.ca/index"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" -subj "/CN=$1" >/dev/null 2>&1
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nnew_certs_dir=%s\nx509_extensions=x\nunique_subject=no\n[p]\ncommonName=supplied\n[x]\n%b\n' \
        "$work/$1.ca/index" "$work/$1.ca" "$5" >"$work/$1.cnf"
    openssl ca -batch -config "$work/$1.cnf" -cert "$work/$2.pem" -keyfile "$work/$2.key" -in "$work/$1.csr" \
        -notext -startdate "$3" -enddate "$4" -out "$work/$1.pem" >/dev/null 2>&1 || fail "openssl ca: $1"
}
dated tomorrow ca 20400101000000Z 20500101000000Z 'basicConstraints=CA:FALSE'
diagnose certificate-not-yet 14 "the certificate is not yet valid" --chip "soft:$work/tomorrow.key,$work/tomorrow.pem"
dated yesterday ca 20200101000000Z 20210101000000Z 'basicConstraints=CA:FALSE'

# ---- name and TCP ----
diagnose name-unknown 15 "a name that cannot be" "${chip[@]}" --set MQTT_BROKER_ADDRESS=no..such..host
diagnose tcp-refused 16 "a closed port" "${chip[@]}" --set "MQTT_PORT=$(free_port)"
diagnose tcp-failed 16 "an address of a link, without saying which" "${chip[@]}" --set MQTT_BROKER_ADDRESS=fe80::1
diagnose tcp-unreachable 16 "no way to the address" "${chip[@]}" --set MQTT_BROKER_ADDRESS=255.255.255.255
play() { # play MODE [HOW]: a stand-in on $port
    port=$(free_port)
    background "play-$1" standin "$port" "$1"
    expect "$work/play-$1.out" ready
}
play full
diagnose tcp-timeout 16 "nobody accepts" "${chip[@]}" --set "MQTT_PORT=$port" --set MQTT_TIMEOUT_MS=700
netns() { # netns COMMAND...: as root of a network of its own
    unshare -rn sh -c 'ip link set lo up && ip route add prohibit 192.0.2.1 && ip route add unreachable 192.0.2.2 && exec "$@"' sh "$@"
}
if netns true 2>/dev/null; then
    as=(netns)
    diagnose tcp-forbidden 16 "a rule forbids it" "${chip[@]}" --set MQTT_BROKER_ADDRESS=192.0.2.1
    diagnose tcp-unreachable 16 "the host is unreachable" "${chip[@]}" --set MQTT_BROKER_ADDRESS=192.0.2.2
    diagnose name-server 15 "no name server can be asked" "${chip[@]}" --set MQTT_BROKER_ADDRESS=broker.example --set MQTT_TIMEOUT_MS=500
    as=()
else
    left_out+=(tcp-forbidden name-server)
fi

# ---- TLS ----
serve() { # serve NAME OPENSSL-OPTIONS...: a TLS server on $port
    local name=$1
    shift
    port=$(free_port)
    background "$name" openssl s_server -accept "$port" "$@" -quiet
    listening "$port"
}
diagnose tls-unknown-ca 17 "another root CA" "${chip[@]}" --set "ROOT_CA_CERTIFICATE=$work/other.pem"
diagnose tls-wrong-name 17 "another name" "${chip[@]}" --set MQTT_SNI_HOSTNAME=elsewhere.example
dated stale ca 20200101000000Z 20210101000000Z 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
serve stale -cert "$work/stale.pem" -key "$work/stale.key"
diagnose tls-expired 17 "the broker's certificate has expired" "${chip[@]}" --set "MQTT_PORT=$port"
dated early ca 20400101000000Z 20500101000000Z 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
serve early -cert "$work/early.pem" -key "$work/early.key"
diagnose tls-not-yet 17 "the broker's certificate begins later" "${chip[@]}" --set "MQTT_PORT=$port"
issue ca usage 'subjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth'
serve usage -cert "$work/usage.pem" -key "$work/usage.key"
diagnose tls-usage 17 "a certificate that is not for servers" "${chip[@]}" --set "MQTT_PORT=$port"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/rsaca.key" -out "$work/rsaca.pem" -days 30 -subj "/CN=rsaca" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign >/dev/null 2>&1
issue rsaca mixed 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
serve mixed -cert "$work/mixed.pem" -key "$work/mixed.key"
diagnose tls-bad-certificate 17 "an ECC certificate signed with RSA" "${chip[@]}" --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/rsaca.pem"
KEY_TYPE=rsa:2048 KEY_OPT='' issue ca rsa 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
serve rsa -cert "$work/rsa.pem" -key "$work/rsa.key"
diagnose tls-no-common 17 "a server with an RSA certificate only" "${chip[@]}" --set "MQTT_PORT=$port"
serve old -cert "$work/broker.pem" -key "$work/broker.key" -cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0 -tls1_2
diagnose tls-no-common 17 "a server without the suites" "${chip[@]}" --set "MQTT_PORT=$port"
serve sni -cert "$work/broker.pem" -key "$work/broker.key" -servername else.example -servername_fatal -cert2 "$work/broker.pem" -key2 "$work/broker.key"
diagnose tls-sni 17 "a server that wants another SNI" "${chip[@]}" --set "MQTT_PORT=$port"
serve alpn -cert "$work/broker.pem" -key "$work/broker.key" -alpn h2
diagnose tls-alpn 17 "a server without the ALPN protocol" "${chip[@]}" --set "MQTT_PORT=$port" --set MQTT_ALPN_PROTOCOL_NAME=x-amzn-mqtt-ca
port=$(free_port)
broker strict "$port" "cafile $work/ca.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true"
diagnose tls-client-ca 17 "a broker that does not know the device's CA" "${chip[@]}" --set "MQTT_PORT=$port"
diagnose tls-client-expired 17 "a broker that finds the device's certificate expired" --chip "soft:$work/yesterday.key,$work/yesterday.pem" --set "MQTT_PORT=$good" --set TLS_CHECK_DATES=0
issue ca purpose 'keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth'
diagnose tls-client-refused 17 "a device's certificate that is for servers" --chip "soft:$work/purpose.key,$work/purpose.pem" --set "MQTT_PORT=$good"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/crlca.key" -out "$work/crlca.pem" -days 30 \
    -subj "/CN=crlca" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign >/dev/null 2>&1
dated revoked crlca 20200101000000Z 20500101000000Z 'basicConstraints=CA:FALSE'
openssl ca -config "$work/revoked.cnf" -cert "$work/crlca.pem" -keyfile "$work/crlca.key" -revoke "$work/revoked.pem" >/dev/null 2>&1
openssl ca -config "$work/revoked.cnf" -cert "$work/crlca.pem" -keyfile "$work/crlca.key" -gencrl -crldays 30 -out "$work/ca.crl" >/dev/null 2>&1
port=$(free_port)
broker crl "$port" "cafile $work/crlca.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\ncrlfile $work/ca.crl"
diagnose tls-client-revoked 17 "a device's certificate that was revoked" --chip "soft:$work/revoked.key,$work/revoked.pem" --set "MQTT_PORT=$port"
plain=$(free_port)
broker plain "$plain" 'allow_anonymous true'
clear=("${chip[@]}" --set MQTT_SECURE_CONNECTION=0)
play http
diagnose tls-not-tls 17 "TLS to a port for something else" "${chip[@]}" --set "MQTT_PORT=$port"
diagnose mqtt-other 18 "a port for HTTP" "${clear[@]}" --set "MQTT_PORT=$port"
play bytes:15030300020250
diagnose tls-refused 17 "it answers with the alert internal_error" "${chip[@]}" --set "MQTT_PORT=$port"
play bytes:160303000402000000
diagnose tls-failed 17 "its ServerHello is empty" "${chip[@]}" --set "MQTT_PORT=$port"
play "forge:$good"
diagnose tls-bad-signature 17 "somebody is in between" "${chip[@]}" --set "MQTT_PORT=$port"
play hang-up
diagnose tls-closed 17 "it hangs up at once" "${chip[@]}" --set "MQTT_PORT=$port"
diagnose mqtt-closed 18 "it hangs up at once, without TLS" "${clear[@]}" --set "MQTT_PORT=$port"
play silent
diagnose tls-timeout 17 "it never answers the ClientHello" "${chip[@]}" --set "MQTT_PORT=$port" --set MQTT_TIMEOUT_MS=500
diagnose mqtt-silent 18 "it never answers CONNECT" "${clear[@]}" --set "MQTT_PORT=$port" --set MQTT_TIMEOUT_MS=500
# What the settings of TLS demand.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/listca.key" -out "$work/listca.pem" -days 30 \
    -subj "/CN=listca" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign >/dev/null 2>&1
dated stolen listca 20200101000000Z 20500101000000Z 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
openssl ca -config "$work/stolen.cnf" -cert "$work/listca.pem" -keyfile "$work/listca.key" -gencrl -crlsec 1 -out "$work/stale.crl" >/dev/null 2>&1
openssl ca -config "$work/stolen.cnf" -cert "$work/listca.pem" -keyfile "$work/listca.key" -revoke "$work/stolen.pem" >/dev/null 2>&1
openssl ca -config "$work/stolen.cnf" -cert "$work/listca.pem" -keyfile "$work/listca.key" -gencrl -crldays 30 -out "$work/list.crl" >/dev/null 2>&1
serve stolen -cert "$work/stolen.pem" -key "$work/stolen.key"
list=("${chip[@]}" --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/listca.pem")
diagnose tls-revoked 17 "the broker's certificate is on the list" "${list[@]}" --set "TLS_CRL_FILE=$work/list.crl"
sleep 2.2 # the times of a list are in whole seconds
diagnose tls-bad-crl 17 "the list is out of date" "${list[@]}" --set "TLS_CRL_FILE=$work/stale.crl"
port=$(free_port)
broker rsabroker "$port" "cafile $work/clients.pem\ncertfile $work/rsa.pem\nkeyfile $work/rsa.key\nrequire_certificate true"
diagnose settings-refused 2 "an RSA broker, and all is to be on the chip" "${chip[@]}" --set "MQTT_PORT=$port" \
    --set TLS_KEY_EXCHANGES=ECDHE_ECDSA,ECDHE_RSA --set TLS_ALL_ON_CHIP=1
tokens=$(ls /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so 2>/dev/null | head -n 1 || true)
if [ -n "$tokens" ] && command -v pkcs11-tool softhsm2-util >/dev/null; then
    mkdir "$work/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$work/tokens" >"$work/softhsm2.conf"
    export SOFTHSM2_CONF=$work/softhsm2.conf
    softhsm2-util --init-token --free --label dev --so-pin 12345678 --pin 4321 >/dev/null
    (umask 077 && printf 4321 >"$work/pin")
    issue ca token 'extendedKeyUsage=clientAuth'
    openssl pkey -in "$work/token.key" -outform DER -out "$work/token.key.der"
    openssl x509 -in "$work/token.pem" -outform DER -out "$work/token.der"
    for object in privkey:token.key.der cert:token.der; do
        pkcs11-tool --module "$tokens" --token-label dev --login --pin 4321 --id 01 --label identity --usage-sign \
            --write-object "$work/${object#*:}" --type "${object%%:*}" >/dev/null
    done
    token="pkcs11:token=dev;object=identity?module-path=$tokens&pin-source=file:$work/pin"
    well "a token" --chip "$token"
    diagnose tls-not-on-chip 17 "all is to be on the token, and this process agrees for it" --chip "$token&x-ecdhe=host" --set TLS_ALL_ON_CHIP=1
else
    left_out+=(tls-not-on-chip)
fi
# TLS 1.3 tells a refusal of the client's certificate after its handshake.
port=$(free_port)
broker new "$port" "cafile $work/ca.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\ntls_version tlsv1.3"
diagnose tls-client-ca 17 "the same over TLS 1.3" "${chip[@]}" --set "MQTT_PORT=$port" --set TLS_1_3=2
diagnose tls-no-common 17 "a broker with TLS 1.3 alone" "${chip[@]}" --set "MQTT_PORT=$port"

# The chip gives a wrong answer after all that comes before the handshake.
sim count --trace
status 17 cleat doctor "${base[@]}" --chip "unix:$work/count.sock" --set "ROOT_CA_CERTIFICATE=$work/other.pem"
before=$(sed -n 's/^0*\([0-9][0-9]*\) .*/\1/p' "$work/count.err" | tail -n 1)
sim midway --fault "status@$before"
diagnose tls-chip 17 "the chip fails during the handshake" --chip "unix:$work/midway.sock"

# ---- MQTT ----
well "a broker in the clear" "${clear[@]}" --set "MQTT_PORT=$plain"
for row in 1:mqtt-version 2:mqtt-client-id 3:mqtt-unavailable 4:mqtt-password 5:mqtt-not-authorized; do
    play "connack:${row%%:*}"
    diagnose "${row#*:}" 18 "CONNACK ${row%%:*}" "${clear[@]}" --set "MQTT_PORT=$port"
done
: >"$work/users"
port=$(free_port)
broker users "$port" "allow_anonymous false\npassword_file $work/users"
diagnose mqtt-not-authorized 18 "Mosquitto wants a password" "${clear[@]}" --set "MQTT_PORT=$port"
play close-connect
diagnose mqtt-closed 18 "it hangs up upon CONNECT" "${clear[@]}" --set "MQTT_PORT=$port"
diagnose mqtt-closed 18 "no TLS to a port for TLS" "${clear[@]}" --set "MQTT_PORT=$good"
play no-will
will=(--set ENABLE_LWT_MESSAGE=1)
diagnose mqtt-will 18 "it hangs up upon a will" "${clear[@]}" --set "MQTT_PORT=$port" "${will[@]}"
well "the same without the will" "${clear[@]}" --set "MQTT_PORT=$port"
port=$(free_port)
broker limits "$port" "allow_anonymous true\nmax_qos 1"
diagnose publish-qos 19 "Mosquitto's max_qos" "${clear[@]}" --set "MQTT_PORT=$port" --set MQTT_MESSAGES_QOS=2
diagnose mqtt-will 18 "a will beyond Mosquitto's max_qos" "${clear[@]}" --set "MQTT_PORT=$port" "${will[@]}" --set MQTT_WILL_QOS=2
play max-keep-alive:1200
diagnose mqtt-keep-alive 18 "a keep-alive that is too long" "${clear[@]}" --set "MQTT_PORT=$port" --set MQTT_KEEP_ALIVE_SECONDS=2000
diagnose mqtt-keep-alive 18 "no keep-alive at all" "${clear[@]}" --set "MQTT_PORT=$port" --set MQTT_KEEP_ALIVE_SECONDS=0

# ---- the will is for a device that is lost, not for its doctor ----
acl() { # acl NAME RULES: Mosquitto with access rules on $port
    port=$(free_port)
    printf '%b' "$2" >"$work/$1.acl"
    chmod 644 "$work/$1.acl"
    broker "$1" "$port" "allow_anonymous true\nacl_file $work/$1.acl"
}
acl wills 'topic readwrite wills\ntopic readwrite ledstatus\ntopic write quiet\n'
will+=("${clear[@]}" --set "MQTT_PORT=$port" --set MQTT_WILL_TOPIC_NAME=wills)
background heir mosquitto_sub -h 127.0.0.1 -p "$port" -i heir -t wills -v
expect "$work/wills.err" 'Sending SUBACK to heir'
for name in INT TERM; do
    background "doctor$name" env --default-signal=INT cleat doctor --hold 20000 "${base[@]}" "${will[@]}" --client-id "doctor$name"
    expect "$work/wills.err" "Sending PUBACK to doctor$name"
    kill "-$name" "$last"
    code=0
    wait "$last" || code=$?
    [ $code = $((128 + $(kill -l $name))) ] || fail "ended by SIG$name, the doctor's status is $code"
    expect "$work/wills.err" "Received DISCONNECT from doctor$name"
done
diagnose no-echo 19 "rules forbid reading, and there is a will" "${will[@]}" --set MQTT_SUB_TOPIC=quiet --set MQTT_PUB_TOPIC=quiet \
    --set MQTT_TIMEOUT_MS=700
status 0 mosquitto_pub -h 127.0.0.1 -p "$port" -q 1 -t wills -m end
expect "$work/heir.out" '^wills end$'
[ "$(wc -l <"$work/heir.out")" = 1 ] || fail "a will went out: $(cat "$work/heir.out")"
ok "ended by a signal or by what it found, the doctor leaves with DISCONNECT: no will"

# ---- there and back ----
for row in close-subscribe:subscribe-closed silent-subscribe:subscribe-silent refuse-subscribe:subscribe-denied \
    close-publish:publish-closed nonsense-publish:trip-broken silent-publish:publish-silent close-qos2:publish-qos no-echo:no-echo; do
    play "${row%%:*}"
    options=(--set MQTT_MESSAGES_QOS=$([ "${row%%:*}" = close-qos2 ] && echo 2 || echo 1))
    [[ $row != silent-* && $row != no-echo:* ]] || options+=(--set MQTT_TIMEOUT_MS=700)
    diagnose "${row#*:}" 19 "a broker that does ${row%%:*}" "${clear[@]}" --set "MQTT_PORT=$port" "${options[@]}"
done
acl aclread 'topic read elsewhere\ntopic write ledstatus\n'
diagnose no-echo 19 "Mosquitto's rules forbid reading" "${clear[@]}" --set "MQTT_PORT=$port" --set MQTT_TIMEOUT_MS=700
acl aclwrite 'topic read ledstatus\n'
diagnose no-echo 19 "Mosquitto's rules forbid writing" "${clear[@]}" --set "MQTT_PORT=$port" --set MQTT_TIMEOUT_MS=700
background twin mosquitto_sub -h localhost -p "$plain" -i the-device -t x -k 5
twin=$last
expect "$work/plain.err" 'as the-device' 10
# It comes back within a second, or when a busy machine lets it.
diagnose client-id-taken 19 "another client has the same ID" "${clear[@]}" --set "MQTT_PORT=$plain" --client-id the-device --hold 20000
kill "$twin"

# ---- of the table, and what it says ----
cleat doctor --causes >"$work/causes"
sed -n '/^| step | status/,$p' docs/doctor.md | cmp - "$work/causes" || fail "docs/doctor.md is not what --causes prints"
missing=()
while read -r cause; do
    [ -n "${seen[$cause]:-}" ] || missing+=("$cause")
done < <(sed -n 's/^| [^|]*| [^|]*| `\([a-z0-9-]*\)`.*/\1/p' "$work/causes")
if [ "${#wrong[@]}" -gt 0 ]; then
    printf 'wrong: %s\n' "${wrong[@]}" >&2
    fail "${#wrong[@]} wrong diagnoses"
fi
[ "${#left_out[@]}" -eq 0 ] || echo "skipped, this machine or user cannot show them: ${left_out[*]}"
for cause in "${missing[@]}"; do
    [[ " ${left_out[*]} " = *" $cause "* ]] || fail "no set-up shows $cause"
done
echo "${#seen[@]} of $(grep -c '^| .*`' "$work/causes") causes met"
