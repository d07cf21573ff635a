#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat factory`: virtual chips and chips on a bus from one list, a manifest
# that can be trusted after a kill, errors of one chip that stop no other.
. "$(dirname "$0")/lib.sh"
cd "$work"
make_ca ca
make_ca other
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
factory=(cleat factory list.csv --ca-cert ca.pem --ca-key ca.key)
sim() { # sim NAME OPTIONS...: a chip on a socket
    local name=$1
    shift
    background "$name" cleat-chipsim --dir "$name.dir" --listen "$name.sock" "$@"
    expect "$name.out" listening
}
sim bus
sim mute --fault-rate mute:1
cat >list.csv <<EOF
serial,common_name,chip
SN-1,,
SN-2,"lamp ""two"", hall",
SN-3,,unix:bus.sock
SN-4,,unix:mute.sock
SN-5,,unix:nobody.sock
SN-6,six,
EOF
status 1 "${factory[@]}"
[ "$(grep -cE '^[1-6]/6 SN-' cmd.out)" = 6 ] || fail "no progress"
[ "$(tail -n 1 cmd.out)" = '4 made, 0 done before, 2 failed, 0 not tried; manifest list.csv.manifest' ] || fail "$(tail -n 1 cmd.out)"
grep -qE '^4/6 SN-4 error: .*cannot be opened' cmd.out || fail "the mute chip"
grep -qE '^5/6 SN-5 error: .*cleat-chipsim running' cmd.out || fail "the missing chip"
[ "$(grep -c ',ok,$' list.csv.manifest)" = 4 ] && [ "$(grep -c ',begun,$' list.csv.manifest)" = 4 ] || fail "manifest"
ok "four made, on folders and on a bus; two failed with words and stopped nobody"

# Each certificate is the CA's, for that name, and the chip's key signs for it.
port=$(free_port)
broker broker "$port" "cafile $work/ca.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
made() { # made SERIAL CHIP NAME: as the manifest says
    cleat chip cert --chip "$2" --object 0xE0E1 >made.pem 2>/dev/null || fail "$1: no certificate"
    openssl verify -CAfile ca.pem -purpose sslclient made.pem >/dev/null || fail "$1: not by the CA, or not for clients"
    openssl x509 -in made.pem -noout -subject -nameopt sep_multiline,utf8 | grep -qF "CN=$3" || fail "$1: another name"
    local print
    print=$(openssl x509 -in made.pem -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
    grep "^$1," list.csv.manifest | tail -n 1 | grep -q ",$print,.*,ok,$" || fail "$1: fingerprint is not in the manifest"
    status 0 cleat doctor --hold 0 --chip "$2" --set CLIENT_CERTIFICATE=0xE0E1 --set CLIENT_PRIVATE_KEY=0xE0F1 \
        --set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" --set ROOT_CA_CERTIFICATE=ca.pem
}
made SN-1 sim:chips/SN-1 SN-1
made SN-2 sim:chips/SN-2 'lamp "two", hall'
made SN-3 unix:bus.sock SN-3
made SN-6 sim:chips/SN-6 six
[ "$(tail -n +2 list.csv.manifest | cut -d, -f3- | grep -oE ',[0-9a-f]{54},' | sort -u | wc -l)" = 4 ] || fail "UIDs are not four different ones"
ok "each has its own key and certificate, and a broker that trusts the CA takes them all"

# Once more: only what failed is tried.
kill "${pids[1]}"
wait "${pids[1]}" 2>/dev/null || true
rm -f mute.sock && background mute2 cleat-chipsim --dir mute.dir --listen mute.sock
expect mute2.out listening
cp list.csv.manifest before
status 1 "${factory[@]}" --json
grep -q '"made":	1' cmd.out && grep -q '"done_before":	4' cmd.out && grep -q '"failed":	1' cmd.out || fail "counts: $(head -n 4 cmd.out)"
[ "$(diff before list.csv.manifest | grep -c '^>.*,\(ok\|error\),')" = 2 ] || fail "others were made again"
made SN-4 unix:mute.sock SN-4
ok "a second run makes only what failed"

# Killed anywhere, then started again: nobody is made twice.
mkdir kill && cd kill && cp ../ca.pem ../ca.key .
{
    echo serial
    seq -f 'K%g' 24
} >list.csv
killed=0
for after in 0.05 0.15 0.1 0.3 0.2; do
    "${factory[@]}" >>out 2>&1 &
    victim=$!
    sleep "$after"
    kill -KILL "$victim" 2>/dev/null || true
    code=0
    wait "$victim" 2>/dev/null || code=$?
    [ "$code" != 137 ] || killed=$((killed + 1))
done
[ "$killed" -gt 0 ] || fail "nobody was killed"
# On a busy machine no run may have got as far as its first line.
[ -s list.csv.manifest ] || head -n 1 ../list.csv.manifest >list.csv.manifest
printf 'K99,sim:x,"torn' >>list.csv.manifest
"${factory[@]}" >out 2>&1 || fail "after the kills: $(cat out)"
for i in $(seq 24); do
    [ "$(grep -c "^K$i,.*,ok,$" list.csv.manifest)" = 1 ] || fail "K$i is there $(grep -c "^K$i,.*,ok,$" list.csv.manifest) times"
    print=$(cleat chip cert --chip "sim:chips/K$i" --object 0xE0E1 | openssl x509 -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
    grep -q "^K$i,.*,$print,.*,ok,$" list.csv.manifest || fail "K$i: the manifest has another certificate"
done
rm list.csv.manifest
"${factory[@]}" >out 2>&1 || fail "with the manifest lost: $(cat out)"
grep -q '^24 made' out || fail "with the manifest lost: $(tail -n 1 out)"
[ "$(cleat chip cert --chip sim:chips/K24 --object 0xE0E1 | openssl x509 -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)" = "$print" ] || fail "made again"
cd ..
ok "killed $killed times and started again: each chip made once; with the manifest lost it is made from the chips"

# What is refused.
printf 'serial,chip\nSN-9,unix:bus.sock\n' >list.csv
status 1 "${factory[@]}" --manifest list.csv.manifest
grep -q 'this chip is another one: it was made as SN-3' cmd.out || fail "the same chip twice: $(cat cmd.out)"
status 1 cleat factory list.csv --ca-cert other.pem --ca-key other.key --manifest new.manifest
grep -q 'the slot is in use: .*--replace' cmd.out || fail "overwrites: $(cat cmd.out)"
other=(cleat factory list.csv --ca-cert other.pem --ca-key other.key --manifest new.manifest --replace)
print_of() {
    cleat chip cert --chip "$1" --object 0xE0E1 | openssl x509 -noout -fingerprint
}
was=$(print_of unix:bus.sock)
rm new.manifest
status 0 "${other[@]}" --dry-run
grep -q '^SN-9: 0xE0F1: the ECC P-256 key in it is destroyed for ever' cmd.err || fail "dry run: $(cat cmd.err)"
grep -q '^SN-9: 0xE0F1: the certificate in 0xE0E1 is replaced' cmd.err || fail "dry run: $(cat cmd.err)"
grep -q -- '--confirm 1-chips:0xE0F1' cmd.err || fail "what to type"
[ ! -e new.manifest ] || fail "the dry run writes a manifest"
status 6 "${other[@]}"
grep -q 'SN-9 error: not confirmed: the ECC P-256 key in it is destroyed for ever' cmd.out || fail "$(cat cmd.out)"
status 6 "${other[@]}" --lab # It is not a virtual one, for all we know.
for wrong in 0xE0F1 2-chips:0xE0F1 0-chips:0xE0F1 1-chips:0xE0F2 1-chips:0xe0f1 1-chips 01-chips:0xE0F1 ' 1-chips:0xE0F1' yes ''; do
    status 6 "${other[@]}" --confirm "$wrong"
    grep -q 'as 1-chips:0xE0F1; nothing was changed' cmd.err || fail "--confirm \"$wrong\": $(cat cmd.err)"
done
[ "$(print_of unix:bus.sock)" = "$was" ] || fail "changed without being told"
status 0 "${other[@]}" --confirm 1-chips:0xE0F1
[ "$(print_of unix:bus.sock)" != "$was" ] || fail "not replaced"
ok "what cannot be undone is said first and needs to be typed: number of chips and slot"

# A key without a certificate is somebody's, too; a run that was cut knows its own.
cleat chip keygen 0xE0F1 --chip sim:chips/L1 >/dev/null
cleat chip keygen 0xE0F1 --chip sim:chips/L2 >/dev/null
printf 'serial\nL1\nL2\nL3\n' >lab.csv
lab=(cleat factory lab.csv --ca-cert ca.pem --ca-key ca.key)
status 6 "${lab[@]}"
grep -q '^1 made, 0 done before, 2 failed' cmd.out || fail "$(cat cmd.out)"
grep -q 'say so: --confirm 2-chips:0xE0F1' cmd.err || fail "$(cat cmd.err)"
status 6 "${lab[@]}" --confirm 1-chips:0xE0F1
grep -q '^1 made, 1 done before, 1 failed' cmd.out || fail "one was confirmed: $(cat cmd.out)"
status 0 "${lab[@]}" --lab
grep -q '^1 made, 2 done before, 0 failed' cmd.out || fail "--lab: $(cat cmd.out)"
cleat chip metadata set 0xE0F1 --change never --chip sim:chips/L4 --confirm 0xE0F1 >/dev/null
printf 'serial\nL4\n' >lab.csv
status 1 "${lab[@]}" --lab --manifest l4.manifest
grep -q 'no key can be made in it' cmd.out || fail "a locked slot: $(cat cmd.out)"
ok "keys of others in unused slots are not overwritten unasked; --lab is for virtual chips"

# CAs of all kinds.
own_ca() { # own_ca NAME 'KEY OPTIONS' [REQ OPTIONS...]: a self-signed one
    local name=$1 key=$2
    shift 2
    openssl genpkey -algorithm $key -out "$name.key" 2>/dev/null
    openssl req -x509 -new -key "$name.key" -out "$name.pem" -days 30 -subj "${subject:-/CN=$name}" \
        -addext basicConstraints=critical,CA:TRUE "$@" 2>/dev/null || fail "no CA $name"
}
p256='EC -pkeyopt ec_paramgen_curve:P-256'
own_ca plain "$p256"
own_ca nameless "$p256" -addext subjectKeyIdentifier=none -addext authorityKeyIdentifier=none
! openssl x509 -in nameless.pem -noout -text | grep -q 'Key Identifier' || fail "it has a key identifier"
# Of version 1: newer ones of OpenSSL want to be told, older ones do it anyway.
printf '[req]\ndistinguished_name=dn\n[dn]\n' >bare.conf
openssl req -x509 -x509v1 -new -key plain.key -out old.pem -days 30 -subj /CN=old -config bare.conf 2>/dev/null ||
    openssl req -x509 -new -key plain.key -out old.pem -days 30 -subj /CN=old -config bare.conf
cp plain.key old.key
openssl x509 -in old.pem -noout -text | grep -q 'Version: 1 ' || fail "it is not of version 1"
own_ca p384 'EC -pkeyopt ec_paramgen_curve:P-384'
own_ca rsa 'RSA -pkeyopt rsa_keygen_bits:2048'
own_ca pss 'RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384' -sha384
printf 'serial\nA\nB\n' >kinds.csv
kinds=(nameless old p384 rsa pss)
cat "${kinds[@]/%/.pem}" >kinds.pem
port=$(free_port)
broker kinds "$port" "cafile $work/kinds.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
for ca in "${kinds[@]}"; do
    status 0 cleat factory kinds.csv --ca-cert $ca.pem --ca-key $ca.key --dir $ca --manifest $ca.manifest
    [ "$(grep -c "warning: $ca.pem ends at 20[0-9T:Z-]*, the certificates that it issues now at 20" cmd.err)" = 1 ] || fail "not one warning that the CA ends: $(cat cmd.err)"
    cleat chip cert --chip sim:$ca/A --object 0xE0E1 >made.pem
    openssl verify -CAfile $ca.pem -purpose sslclient made.pem >/dev/null || fail "not by $ca, or not for clients"
    status 0 cleat doctor --hold 0 --chip sim:$ca/A --set CLIENT_CERTIFICATE=0xE0E1 --set CLIENT_PRIVATE_KEY=0xE0F1 \
        --set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" --set ROOT_CA_CERTIFICATE=ca.pem
done
ok "CAs without a key identifier, of version 1, with P-384, RSA and RSA-PSS keys: a broker takes what they issue"
status 0 cleat factory kinds.csv --ca-cert rsa.pem --ca-key rsa.key --dir short --manifest short.manifest --days 7
[ ! -s cmd.err ] || fail "warned though the CA lasts longer: $(cat cmd.err)"
ok "told once if the CA ends before what it issues"

# CAs that cannot be used, for chips with good keys that may be replaced.
own_ca ED25519 ED25519
own_ca ED448 ED448
openssl genpkey -algorithm X25519 -out x25519.key
openssl pkey -in x25519.key -pubout -out x25519.pub
openssl req -new -key plain.key -subj /CN=x25519 -out x25519.csr
openssl x509 -req -in x25519.csr -force_pubkey x25519.pub -CA plain.pem -CAkey plain.key -CAcreateserial -days 9 \
    -extfile <(echo basicConstraints=critical,CA:TRUE) -out x25519.pem 2>/dev/null || fail "no CA x25519"
openssl pkcs8 -topk8 -in plain.key -passout pass:secret -out locked.key
openssl ec -in plain.key -aes256 -passout pass:secret -out locked-old.key 2>/dev/null
dated_ca() { # dated_ca NAME FROM TO: with the key of plain
    printf '%s\n' '[ca]' default_ca=x '[x]' database=index.txt new_certs_dir=. rand_serial=yes policy=p \
        default_md=sha256 x509_extensions=e unique_subject=no '[p]' commonName=supplied '[e]' \
        basicConstraints=critical,CA:TRUE >dated.conf
    : >index.txt
    openssl req -new -key plain.key -subj "/CN=$1" -out dated.csr
    openssl ca -batch -selfsign -notext -config dated.conf -keyfile plain.key -in dated.csr -out "$1.pem" \
        -startdate "$(date -u -d "$2" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$3" +%Y%m%d%H%M%SZ)" 2>/dev/null || fail "no CA $1"
}
dated_ca tomorrow 'tomorrow' '10 days'
dated_ca yesterday '10 days ago' 'yesterday'
ous() { printf "/OU=%.0s$(printf 'o%.0s' $(seq 30))" $(seq "$1"); }
subject=/CN=large$(ous 50) own_ca large "$p256"
printf 'serial,chip\nSN-9,unix:bus.sock\n' >good.csv
was=$(print_of unix:bus.sock)
useless() { # useless WORDS CERTIFICATE KEY
    status 2 setsid -w cleat factory good.csv --ca-cert "$2" --ca-key "$3" --manifest useless.manifest --replace --confirm 1-chips:0xE0F1
    grep -qE -- "$1" cmd.err || fail "no word of \"$1\": $(cat cmd.err)"
    [ ! -e useless.manifest ] || fail "$2: a chip was begun"
}
for kind in ED25519 ED448; do
    useless "signs with $kind, which the TLS of devices does not know" $kind.pem $kind.key
done
useless 'x25519.pem: the CA cannot issue a certificate: [a-z]+ ' x25519.pem x25519.key
useless 'large.pem: .* too large: a chip has room for 1728 bytes' large.pem large.key
useless 'tomorrow.pem is not valid before 20[0-9-]+T' tomorrow.pem plain.key
useless 'yesterday.pem has expired, at 20[0-9-]+T' yesterday.pem plain.key
useless 'the key in locked.key is encrypted' plain.pem locked.key
useless 'the key in locked-old.key is encrypted' plain.pem locked-old.key
[ "$(print_of unix:bus.sock)" = "$was" ] || fail "another certificate"
status 0 cleat chip verify-identity --chip unix:bus.sock --key 0xE0F1 --object 0xE0E1
echo secret | setsid -w cleat factory kinds.csv --ca-cert plain.pem --ca-key locked.key --dir locked --manifest locked.manifest >cmd.out 2>cmd.err ||
    fail "the passphrase is not taken: $(cat cmd.err)"
# A certificate that fits for one name and is too large for another.
printf 'serial,common_name\nlong,%064d\nx,\n' 0 >tight.csv
for n in $(seq 24 45); do
    subject=/CN=tight$(ous "$n") own_ca tight "$p256"
    rm -rf tight.d tight.manifest
    code=0
    cleat factory tight.csv --ca-cert tight.pem --ca-key tight.key --dir tight.d --manifest tight.manifest >cmd.out 2>cmd.err || code=$?
    [ $code = 0 ] || break
done
[ $code = 1 ] && grep -q '^1 made, .* 1 failed' cmd.out && grep -q 'long error: no certificate: .* too large' cmd.out || fail "with $n names: $(cat cmd.out cmd.err)"
! grep -q '^long,.*,begun,' tight.manifest || fail "a key was made for a certificate that does not fit"
ok "CAs that cannot be used are refused before a chip loses its key"

refuse() { # refuse WORDS LIST OPTIONS...
    local words=$1
    printf '%b' "$2" >bad.csv
    shift 2
    status 2 cleat factory bad.csv --ca-cert ca.pem --ca-key ca.key --manifest bad.manifest "$@"
    grep -q -- "$words" cmd.err || fail "no word of \"$words\": $(cat cmd.err)"
    [ ! -e bad.manifest ] || fail "\"$words\": something was made"
}
refuse 'is there twice' 'serial\nA\nA\n'
refuse '1 to 64 letters' 'serial\n../A\n'
refuse 'no column serial' 'chip\nsim:x\n'
refuse 'is not serial, chip' 'serial,colour\nA,red\n'
refuse 'quote that does not end' 'serial\n"A\n'
refuse 'nothing to make' 'serial\n'
refuse 'is not the private key' 'serial\nA\n' --ca-key other.key
refuse 'is not a CA' 'serial\nA\n' --ca-cert broker.pem --ca-key broker.key
refuse 'not a number from 1' 'serial\nA\n' --days 0
status 2 cleat factory list.csv
echo hello >bad.manifest
printf 'serial\nA\n' >bad.csv
status 2 cleat factory bad.csv --ca-cert ca.pem --ca-key ca.key --manifest bad.manifest
grep -q 'is no manifest' cmd.err || fail "a foreign file as manifest"
ok "the same chip twice, a used slot, wrong lists, wrong CAs are refused in words"
