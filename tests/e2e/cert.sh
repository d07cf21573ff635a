#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat cert`: requests that OpenSSL accepts, certificates only for the key
# that is there, and a renewal proven against Mosquitto before it counts.
. "$(dirname "$0")/lib.sh"

export CLEAT_CHIP=sim:$work/chip
cert() { cleat cert "$@"; }
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/cmd.out" "$1"; }
said() { # said STATUS PATTERN COMMAND...
    local want=$1 pattern=$2
    shift 2
    status "$want" "$@"
    grep -qE -- "$pattern" "$work/cmd.err" || {
        cat "$work/cmd.err" >&2
        fail "no words like \"$pattern\""
    }
}
make_ca root
# A CA below the root, and one that has nothing to do with it.
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/sub.key" -out "$work/sub.csr" \
    -subj /CN=sub >/dev/null 2>&1
openssl x509 -req -in "$work/sub.csr" -CA "$work/root.pem" -CAkey "$work/root.key" -CAcreateserial -days 30 \
    -out "$work/sub.pem" -extfile <(printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign') 2>/dev/null
make_ca other
sign() { # sign CSR OUT [x509 OPTIONS]
    local csr=$1 out=$2
    shift 2
    openssl x509 -req -in "$csr" -CA "$work/sub.pem" -CAkey "$work/sub.key" -CAcreateserial -days 30 -out "$out" \
        -copy_extensions copy "$@" 2>/dev/null
}

# --- show ------------------------------------------------------------------
status 0 cert show
grep -q 'subject: CN = optiga-' "$work/cmd.out" || fail "no subject"
grep -q '^form: TLS identity (tag C0)' "$work/cmd.out" || fail "no form"
grep -q '^key 0xE0F0 signs for it' "$work/cmd.out" || fail "no proof"
status 0 cert show --json
[ "$(json 'd["key_matches"], d["certificates"][0]["valid_now"], d["certificates"][0]["days_left"] > 7000')" = "(True, True, True)" ] ||
    fail "show as JSON"
said 4 '0xE0F1 is empty: `cleat chip keygen' cert show --key 0xE0F1
ok "cert show: subject, validity, form, the key proven by a signature"

# --- csr -------------------------------------------------------------------
cleat chip keygen 0xE0F1 >"$work/one.pub"
cert csr --key 0xE0F1 --subject '/CN=device-1/O=Works \/ Sons' --san DNS:device-1.example --san IP:192.0.2.1 \
    --san URI:urn:x:1 >"$work/one.csr"
openssl req -in "$work/one.csr" -verify -noout 2>"$work/verify.err" || fail "openssl does not verify the request"
openssl req -in "$work/one.csr" -noout -text >"$work/one.txt"
grep -qE 'Subject: CN ?= ?device-1, O ?= ?Works / Sons' "$work/one.txt" || fail "subject"
grep -q 'DNS:device-1.example, IP Address:192.0.2.1, URI:urn:x:1' "$work/one.txt" || fail "SANs"
openssl req -in "$work/one.csr" -noout -pubkey | cmp - "$work/one.pub" || fail "another key"
cleat chip keygen 0xE0F2 --curve p384 >"$work/wide.pub"
cert csr --key 0xE0F2 --subject /CN=wide | tee "$work/wide.csr" | openssl req -verify -noout 2>/dev/null || fail "P-384"
openssl req -in "$work/wide.csr" -noout -pubkey | cmp - "$work/wide.pub" || fail "another P-384 key"
openssl req -in "$work/wide.csr" -noout -text | grep -q ecdsa-with-SHA384 || fail "digest of P-384"
# The factory's key, which nobody was ever told: it is recovered.
cert csr --subject /CN=factory | openssl req -noout -pubkey >"$work/factory.pub"
cleat chip cert | openssl x509 -noout -pubkey | cmp - "$work/factory.pub" || fail "the factory key is not recovered"
cert csr --subject /CN=x --out /dev/stdout | openssl req -verify -noout 2>/dev/null || fail "--out /dev/stdout"
cert csr --subject /CN=x --out /dev/null
[ -c /dev/null ] || fail "a device was replaced by a file"
said 2 'subject' cert csr
for bad in CN=x / /CN /CN= /=x /XX=x "/CN=$(printf 'x%.0s' $(seq 300))"; do
    said 2 'not as /CN' cert csr --subject "$bad"
done
for bad in x DNS: IP:999.1.1.1 dirName:x otherName:x DNS; do
    said 2 'DNS:NAME' cert csr --subject /CN=x --san "$bad"
done
said 4 '0xE0F3 is empty' cert csr --key 0xE0F3 --subject /CN=x
status 0 cert csr --subject /CN=x --json
[ "$(json '"BEGIN CERTIFICATE REQUEST" in d["csr"], d["key"]')" = "(True, '0xE0F0')" ] || fail "csr as JSON"
ok "cert csr: accepted by openssl req -verify; SANs, P-384, a key that was never told"

# --- write -----------------------------------------------------------------
state() { cleat chip read 0xE0E1 --raw 2>/dev/null | sha256sum; }
sign "$work/one.csr" "$work/one.pem"
sign "$work/wide.csr" "$work/wide.pem"
before=$(state)
said 7 'none of the 1 certificates is for this key' cert write "$work/wide.pem" --object 0xE0E1
said 7 'none of' cert write "$work/root.pem" --object 0xE0E1
cat "$work/one.pem" "$work/other.pem" >"$work/mixed.pem"
said 7 'do not belong to the chain' cert write "$work/mixed.pem" --object 0xE0E1
printf 'nonsense' >"$work/nonsense"
said 2 'no certificate in PEM or DER' cert write "$work/nonsense" --object 0xE0E1
sed '5s/./!/' "$work/one.pem" >"$work/damaged.pem"
said 2 'damaged' cert write "$work/damaged.pem" --object 0xE0E1
head -n 5 "$work/one.pem" >"$work/cut.pem"
said 2 'damaged' cert write "$work/cut.pem" --object 0xE0E1
cat "$work/one.pem" "$work/cut.pem" >"$work/half.pem"
said 2 'damaged' cert write "$work/half.pem" --object 0xE0E1
said 2 'No such file' cert write "$work/none" --object 0xE0E1
said 2 'no certificate object' cert write "$work/one.pem" --object 0xF1D0
said 2 'bare or tls' cert write "$work/one.pem" --object 0xE0E1 --form der
said 7 'is for this key' cert write "$work/one.pem" # the factory's object and key
[ "$before" = "$(state)" ] || fail "something was written all the same"
status 0 cert write "$work/one.pem" --object 0xE0E1
grep -q '1 certificate(s) written and read back' "$work/cmd.out" || fail "not read back"
[ "$(cleat chip read 0xE0E1 --raw --length 1 | od -An -tx1)" = ' 30' ] || fail "one certificate is not bare"
cleat chip cert --object 0xE0E1 | cmp - <(openssl x509 -in "$work/one.pem") || fail "another certificate"
status 0 cert show --object 0xE0E1
grep -q 'key 0xE0F1 signs for it' "$work/cmd.out" || fail "the pair is not proven"
grep -q 'alternative names: DNS:device-1.example' "$work/cmd.out" || fail "SANs are not shown"
status 0 cert write "$work/one.pem" --object 0xE0E1 # the same again replaces nothing
# A chain in any order, the root left off; DER; a tag on demand.
sign "$work/one.csr" "$work/two.pem"
cat "$work/root.pem" "$work/sub.pem" "$work/two.pem" >"$work/chain.pem"
said 6 'replaces the certificate of CN = device-1' cert write "$work/chain.pem" --object 0xE0E1
said 6 'does not name the object' cert write "$work/chain.pem" --object 0xE0E1 --confirm 0xE0E2
said 0 'dry run' cert write "$work/chain.pem" --object 0xE0E1 --dry-run
status 0 cert write "$work/chain.pem" --object 0xE0E1 --confirm 0xE0E1
cleat chip cert --object 0xE0E1 >"$work/back.pem"
cat <(openssl x509 -in "$work/two.pem") <(openssl x509 -in "$work/sub.pem") | cmp - "$work/back.pem" || fail "the chain is not leaf first, without its root"
openssl x509 -in "$work/one.pem" -outform DER -out "$work/one.der"
status 0 cert write "$work/one.der" --object 0xE0E1 --form tls --lab
[ "$(cleat chip read 0xE0E1 --raw --length 1 | od -An -tx1)" = ' c0' ] || fail "no tag"
sign "$work/one.csr" "$work/big.pem" -extfile <(printf 'nsComment=%s' "$(printf 'x%.0s' $(seq 1500))") -extensions default
printf '[default]\nnsComment=%s\n' "$(printf 'x%.0s' $(seq 1500))" >"$work/big.ext"
sign "$work/one.csr" "$work/big.pem" -extfile "$work/big.ext" -extensions default
said 4 'has room for 1728 bytes' cert write "$work/big.pem" --object 0xE0E1 --lab
# Trust anchors.
status 0 cert write "$work/root.pem" --object 0xE0E8
said 4 'of a CA' cert write "$work/one.pem" --object 0xE0E9
said 4 'one certificate of a CA' cert write "$work/chain.pem" --object 0xE0E9
said 6 'replaces' cert write "$work/other.pem" --object 0xE0E8
ok "cert write: PEM, DER, chains, tags, limits; refused unless key and certificate match"

# --- renew -----------------------------------------------------------------
issue sub broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
cat "$work/broker.pem" "$work/sub.pem" >"$work/broker-chain.pem"
# The broker trusts the CA and this chip's factory, for the identity it has.
cat "$work/root.pem" "$work/sub.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
port=$(free_port)
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker-chain.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
unset CLEAT_CHIP
conf=$work/device.conf
cat >"$conf" <<END
# A device of ours.
[device]
CHIP = sim:$work/fresh
MQTT_BROKER_ADDRESS = localhost
MQTT_PORT = $port
ROOT_CA_CERTIFICATE = $work/root.pem
CLIENT_CERTIFICATE = 0xE0E0
MQTT_PUB_TOPIC = a/b   ; kept as it is
END
chmod 640 "$conf"
cleat chip info --chip "sim:$work/fresh" >/dev/null
cat "$work/fresh/factory-ca.pem" >>"$work/clients.pem"
kill "${pids[-1]}" && wait "${pids[-1]}" 2>/dev/null || true
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker-chain.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
cat >"$work/ca.sh" <<END
exec openssl x509 -req -CA $work/sub.pem -CAkey $work/sub.key -CAcreateserial -days 30 -extfile <(echo extendedKeyUsage=clientAuth)
END
renew=(cert renew --config "$conf" --issue "bash $work/ca.sh")
in_use() { grep -E '^CLIENT_' "$conf" | sort | tr '\n' ' '; }
cp "$conf" "$work/before.conf"
said 1 'no certificate was issued' cert renew --config "$conf" --issue false
said 7 'holds no certificate' cert renew --config "$conf" --issue 'cat >/dev/null; echo nonsense'
said 7 'none of the 1 certificates is for this key' cert renew --config "$conf" --issue "cat >/dev/null; cat $work/one.pem"
said 7 'identity in use is unchanged' cert renew --config "$conf" --issue "openssl x509 -req -CA $work/other.pem -CAkey $work/other.key -CAcreateserial -days 30"
cmp "$conf" "$work/before.conf" || fail "the settings were touched by a renewal that failed"
status 0 cert renew status --config "$conf"
grep -q '^under way: key 0xE0F1' "$work/cmd.out" || fail "status"
status 0 cleat run --config "$conf" # the old identity still works
status 0 "${renew[@]}"
[ "$(in_use)" = 'CLIENT_CERTIFICATE = 0xE0E1 CLIENT_PRIVATE_KEY = 0xE0F1 ' ] || fail "not switched: $(in_use)"
[ "$(stat -c %a "$conf")" = 640 ] || fail "mode of the settings file"
diff <(grep -v '^CLIENT_' "$conf") <(grep -v '^CLIENT_' "$work/before.conf") || fail "other lines were touched"
grep -q "u'optiga-" "$work/broker.err" || fail "the old identity was never there"
status 0 cleat run --config "$conf"
status 0 cert show --chip "sim:$work/fresh" --object 0xE0E1 --json
[ "$(json 'd["certificates"][0]["subject"][:12], d["key_matches"]')" = "('CN = optiga-', True)" ] || fail "subject is not taken over"
ok "cert renew: proven against the broker before the switch; failures change nothing"

# Again and again: the retired pair is used before another is asked for.
status 0 "${renew[@]}" --subject /CN=renamed
[ "$(in_use)" = 'CLIENT_CERTIFICATE = 0xE0E2 CLIENT_PRIVATE_KEY = 0xE0F2 ' ] || fail "second: $(in_use)"
status 0 "${renew[@]}" --json
[ "$(json 'd["key"], d["certificate"]')" = "('0xE0F1', '0xE0E1')" ] || fail "third: $(in_use)"
status 0 cleat cert show --chip "sim:$work/fresh" --object 0xE0E1
grep -q 'subject: CN = renamed' "$work/cmd.out" || fail "the subject is not handed on"
# In two halves, as for a CA with a person behind it.
cleat cert renew begin --config "$conf" >"$work/half.csr"
cleat cert renew begin --config "$conf" >"$work/again.csr"
[ "$(openssl req -in "$work/half.csr" -noout -pubkey)" = "$(openssl req -in "$work/again.csr" -noout -pubkey)" ] ||
    fail "the second request is for another key"
bash "$work/ca.sh" <"$work/half.csr" >"$work/half.pem" 2>/dev/null
said 7 'unchanged' cleat cert renew finish "$work/half.pem" --config "$conf" --prove false
[ "$(in_use)" = 'CLIENT_CERTIFICATE = 0xE0E1 CLIENT_PRIVATE_KEY = 0xE0F1 ' ] || fail "switched without proof"
status 0 cleat cert renew finish "$work/half.pem" --config "$conf" --prove 'test "$CLEAT_CLIENT_PRIVATE_KEY" = 0xE0F2 && cleat run'
[ "$(in_use)" = 'CLIENT_CERTIFICATE = 0xE0E2 CLIENT_PRIVATE_KEY = 0xE0F2 ' ] || fail "halves: $(in_use)"
said 1 'no renewal is under way' cleat cert renew finish "$work/half.pem" --config "$conf"
# A power cut while the staged certificate was written leaves half of it there:
# the identity in use is untouched, and the same answer is simply written again.
cleat cert renew begin --config "$conf" >"$work/torn.csr"
bash "$work/ca.sh" <"$work/torn.csr" >"$work/torn.pem" 2>/dev/null
openssl x509 -in "$work/torn.pem" -outform DER | head -c 200 >"$work/torn.part"
status 0 cleat chip write 0xE0E1 --file "$work/torn.part" --lab --chip "sim:$work/fresh"
status 0 cleat run --config "$conf"
status 0 cleat cert renew finish "$work/torn.pem" --config "$conf"
[ "$(in_use)" = 'CLIENT_CERTIFICATE = 0xE0E1 CLIENT_PRIVATE_KEY = 0xE0F1 ' ] || fail "after a torn write: $(in_use)"
status 0 cleat cert renew begin --config "$conf"
status 0 cleat cert renew abort --config "$conf"
status 0 cleat cert renew status --config "$conf" --json
[ "$(json 'd["under_way"]')" = False ] || fail "abort"
said 2 'leave it to the file' env CLEAT_CLIENT_CERTIFICATE=0xE0E1 cleat cert renew begin --config "$conf"
said 2 'must be there and writable' cleat cert renew begin --config "$work/none.conf"
ln -s "$conf" "$work/link.conf"
status 0 cleat cert renew begin --config "$work/link.conf"
status 0 cleat cert renew abort --config "$work/link.conf"
[ -L "$work/link.conf" ] || fail "a link to the settings was replaced by a file"
said 2 'as 0xE0F2' cleat cert renew begin --config "$conf" --stage 0xE0F2
said 4 'in use' cleat cert renew begin --config "$conf" --stage 0xE0F1,0xE0E1
said 4 'not changeable' cleat cert renew begin --config "$conf" --stage 0xE0F0,0xE0E0
status 0 cleat run --config "$conf"
ok "renewal in halves, again, aborted; which slots, whose settings"
