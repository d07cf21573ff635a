#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat chip` with keys that are no curve's: RSA, AES, and secrets for HMAC and
# key derivation, each result checked with OpenSSL or, where no key is ever
# seen, by what the modes of AES have to do with each other.
. "$(dirname "$0")/lib.sh"
cd "$work"
export CLEAT_CHIP=sim:$work/chip
chip() { cleat chip "$@"; }
said() { # said STATUS PATTERN ARGS...
    local want=$1 pattern=$2
    shift 2
    status "$want" cleat chip "$@"
    grep -qE -- "$pattern" cmd.err || fail "no words like \"$pattern\" from cleat chip $*: $(cat cmd.err)"
}
hex() { od -An -v -tx1 | tr -d ' \n'; }
bytes() { printf '%b' "$(sed 's/../\\x&/g' <<<"$1")"; }
echo 'a message' >message

# ---- RSA ----
for bits in 1024 2048; do
    slot=0xE0FC
    [ $bits = 1024 ] || slot=0xE0FD
    status 0 chip keygen $slot --type rsa$bits --usage auth,sign,enc --out rsa$bits.pem
    openssl rsa -pubin -in rsa$bits.pem -noout -text | grep -q "($bits bit)" || fail "no RSA key of $bits bits"
    for md in 256 384 512; do
        status 0 chip sign $slot --file message --hash sha$md --out rsa.sig
        openssl dgst -sha$md -verify rsa$bits.pem -signature rsa.sig message >/dev/null || fail "rsa$bits, sha$md: OpenSSL does not take it"
        status 0 chip verify --public-key rsa$bits.pem --signature rsa.sig --file message --hash sha$md
    done
    status 0 chip sign $slot --digest "$(openssl dgst -sha256 -binary message | hex)" --raw
    mv cmd.out raw.sig
    openssl dgst -sha256 -verify rsa$bits.pem -signature raw.sig message >/dev/null || fail "rsa$bits: a digest"
    said 7 'not a good signature' verify --public-key rsa$bits.pem --signature raw.sig --text other
    status 0 chip sign $slot --text x --json
    grep -qE "\"signature\":	\"[0-9a-f]{$((bits / 4))}\"" cmd.out || fail "JSON"
    head -c 20 rsa.sig >short.sig
    said 7 'holds no RSA signature' verify --public-key rsa$bits.pem --signature short.sig --file message
    # Each way round: the host to the chip, the chip to the host's key.
    openssl pkeyutl -encrypt -pubin -inkey rsa$bits.pem -in message -out secret.bin
    status 0 chip decrypt $slot --file secret.bin --raw
    cmp -s cmd.out message || fail "rsa$bits: decrypt"
    chip decrypt $slot --file - --out plain <secret.bin
    cmp -s plain message || fail "rsa$bits: standard input"
    [ "$(stat -c %a plain)" = 600 ] || fail "others may read the plaintext"
    status 0 chip decrypt $slot --file secret.bin --json
    grep -q "\"plaintext\":	\"$(hex <message)\"" cmd.out || fail "JSON of decrypt"
    openssl genrsa -out host.key $bits 2>/dev/null
    openssl rsa -in host.key -pubout -out host.pem 2>/dev/null
    status 0 chip encrypt --public-key host.pem --file message --raw
    openssl pkeyutl -decrypt -inkey host.key -in cmd.out | cmp -s - message || fail "rsa$bits: encrypt"
    # A host's signature.
    openssl dgst -sha256 -sign host.key -out host.sig message
    status 0 chip verify --public-key host.pem --signature host.sig --file message
    said 2 "has $((bits / 8)) bytes, not 10" decrypt $slot --file message
    head -c $((bits / 8 - 10)) /dev/zero >long
    said 2 "1 to $((bits / 8 - 11)) bytes" encrypt --public-key host.pem --file long
    said 6 "the RSA-$bits key in it is destroyed for ever" keygen $slot --type rsa$bits
    said 2 'go with an AES key' decrypt $slot --file secret.bin --mode cbc
    ok "RSA $bits: made, signs, verifies, encrypts and decrypts, as OpenSSL does"
done
openssl genrsa -out big.key 3072 2>/dev/null && openssl rsa -in big.key -pubout -out big.pem 2>/dev/null
said 4 'not an RSA key of 1024 or 2048' encrypt --public-key big.pem --file message
said 4 'or RSA with 1024 or 2048 bits' verify --public-key big.pem --signature host.sig --file message
said 2 'no public key or certificate' encrypt --public-key message --file message
status 2 chip keygen 0xE0F1 --type rsa4096
status 2 chip keygen 0xE0F1 --type p256 --curve p256
status 2 chip keygen 0xE0F1 --curve aes128
said 5 '0xE0F1' keygen 0xE0F1 --type rsa1024
status 0 chip keygen 0xE0F1 --type p384
ok "RSA keys of other sizes and wrong names are told apart"

# ---- AES ----
said 4 'no key can be made in it as its change condition is' keygen 0xE200 --type aes128
status 0 chip metadata set 0xE200 --change 'LcsO < operational' --lab
said 4 '0xE200 is empty' encrypt 0xE200 --file message --iv 00000000000000000000000000000000
zero=00000000000000000000000000000000
ecb() { # ecb HEX: one block
    bytes "$1" | cleat chip encrypt 0xE200 --mode ecb --file - --raw | hex
}
xor() {
    local i
    for ((i = 0; i < 32; i += 2)); do
        printf %02x $((0x${1:i:2} ^ 0x${2:i:2}))
    done
}
double() { # in the field of CMAC
    local i carry=0 out='' b
    for ((i = 30; i >= 0; i -= 2)); do
        b=$((0x${1:i:2} << 1 | carry))
        carry=$((b >> 8))
        out=$(printf %02x $((b & 255)))$out
    done
    [ $carry = 0 ] || out=${out:0:30}$(printf %02x $((0x${out:30:2} ^ 0x87)))
    echo "$out"
}
confirm=()
for bits in 128 192 256; do
    status 0 chip keygen 0xE200 --type aes$bits --usage enc,sign "${confirm[@]}"
    grep -q "made: AES-$bits" cmd.out || fail "not said what was made: $(cat cmd.out)"
    confirm=(--confirm 0xE200)
    head -c 1600 /dev/urandom >blocks # more than one command takes
    iv=$(head -c 16 /dev/urandom | hex)
    status 0 chip encrypt 0xE200 --file blocks --iv "$iv" --out cipher
    status 0 chip decrypt 0xE200 --file cipher --iv "$iv" --out plain
    cmp -s plain blocks || fail "aes$bits: CBC there and back"
    # C1 = E(P1 xor IV), C2 = E(P2 xor C1), and the last one likewise.
    block() { dd if="$1" bs=16 skip="$2" count=1 2>/dev/null | hex; }
    [ "$(ecb "$(xor "$(block blocks 0)" "$iv")")" = "$(block cipher 0)" ] || fail "aes$bits: first block of CBC"
    [ "$(ecb "$(xor "$(block blocks 99)" "$(block cipher 98)")")" = "$(block cipher 99)" ] || fail "aes$bits: last block of CBC"
    bytes "$(block cipher 0)" >one
    [ "$(chip decrypt 0xE200 --mode ecb --file one --raw | hex)" = "$(xor "$(block blocks 0)" "$iv")" ] || fail "aes$bits: ECB back"
    # RFC 4493: a whole block is masked with K1, a short one padded and with K2.
    k1=$(double "$(ecb $zero)")
    [ "$(chip cmac 0xE200 --file one --raw | hex)" = "$(ecb "$(xor "$(hex <one)" "$k1")")" ] || fail "aes$bits: CMAC of a block"
    printf abc >short
    [ "$(chip cmac 0xE200 --file short --raw | hex)" = "$(ecb "$(xor 61626380000000000000000000000000 "$(double "$k1")")")" ] || fail "aes$bits: CMAC of a short message"
    status 0 chip cmac 0xE200 --file short --json
    grep -qE '"tag":	"[0-9a-f]{32}"' cmd.out || fail "JSON"
    ok "AES $bits: CBC over several commands, ECB, CMAC hang together"
done
said 6 'the AES-256 key in it is destroyed for ever: what was encrypted' keygen 0xE200 --type aes128
said 2 'not whole blocks' encrypt 0xE200 --file message --iv $zero
said 2 'iv: 16 bytes in hex' encrypt 0xE200 --file one
said 2 'iv: 16 bytes in hex' encrypt 0xE200 --file one --iv 00
said 2 'does not go with --mode ecb' encrypt 0xE200 --file one --mode ecb --iv $zero
said 2 'mode: cbc or ecb' encrypt 0xE200 --file one --mode ctr
said 2 'name the input' encrypt 0xE200 --iv $zero
said 2 'does not go with it' encrypt 0xE200 --iv $zero --text secret
said 2 'name an AES key' encrypt --file one
said 2 'has no public key' keygen 0xE200 --type aes128 --out x --confirm 0xE200
said 2 'raw or --json' cmac 0xE200 --file one --raw --json
said 4 'is ECC P-256, not AES' encrypt 0xE0F0 --file one --iv $zero
said 4 'is ECC P-256, not AES or RSA' decrypt 0xE0F0 --file one
ok "AES: plaintexts come from files only, blocks and modes are checked"

# ---- secrets ----
secret=$(head -c 32 /dev/urandom | hex)
bytes "$secret" >secret.bin
status 0 chip write 0xF1D0 --file secret.bin
status 0 chip metadata set 0xF1D0 --type 'pre-shared secret' --execute always --lab
for md in 256 384 512; do
    [ "$(chip hmac 0xF1D0 --hash sha$md --file blocks --raw | hex)" = \
        "$(openssl dgst -sha$md -mac HMAC -macopt hexkey:"$secret" -binary blocks | hex)" ] || fail "HMAC with SHA-$md"
    [ "$(chip derive 0xF1D0 --hash sha$md --salt 0102 --info 0304 --length 48 --raw | hex)" = \
        "$(openssl kdf -keylen 48 -kdfopt digest:SHA$md -kdfopt hexkey:"$secret" -kdfopt hexsalt:0102 -kdfopt hexinfo:0304 -binary HKDF | hex)" ] ||
        fail "HKDF with SHA-$md"
    [ "$(chip derive 0xF1D0 --kdf tls-prf --hash sha$md --label 'key expansion' --salt 05060708 --length 64 --raw | hex)" = \
        "$(openssl kdf -keylen 64 -kdfopt digest:SHA$md -kdfopt hexsecret:"$secret" -kdfopt hexseed:"$(printf 'key expansion' | hex)05060708" -binary TLS1-PRF | hex)" ] ||
        fail "TLS PRF with SHA-$md"
done
status 0 chip derive 0xF1D0 --out derived
[ "$(stat -c '%s %a' derived)" = '32 600' ] || fail "what is derived can be read by others"
[ "$(hex <derived)" = "$(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:"$secret" -binary HKDF | hex)" ] || fail "HKDF without salt"
grep -q . cmd.out && fail "a derived secret is printed beside --out"
status 0 chip derive 0xF1D0 --json
grep -qE '"derived":	"[0-9a-f]{64}"' cmd.out || fail "JSON of derive"
said 2 'hkdf or tls-prf' derive 0xF1D0 --kdf scrypt
said 2 'takes --label TEXT' derive 0xF1D0 --kdf tls-prf
said 2 'goes with --kdf tls-prf' derive 0xF1D0 --label x
said 2 '16 to 256 bytes' derive 0xF1D0 --length 8
said 2 'hash: sha256' hmac 0xF1D0 --hash md5 --file message
said 2 'salt: hex digits' derive 0xF1D0 --salt xyz
status 4 chip hmac 0xF1D1 --file message
ok "HMAC, HKDF and the TLS PRF, as OpenSSL computes them; secrets in files of their owner"

# ---- hash ----
[ "$(chip hash --file blocks --raw | hex)" = "$(openssl dgst -sha256 -binary blocks | hex)" ] || fail "hash of a file"
chip write 0xF1D2 --file message >/dev/null
status 0 chip hash 0xF1D2
grep -q "^sha256: $(openssl dgst -sha256 -binary message | hex)$" cmd.out || fail "hash of an object"
[ "$(chip hash 0xF1D2 --offset 2 --length 7 --raw | hex)" = "$(printf message | openssl dgst -sha256 -binary | hex)" ] || fail "hash of a part"
said 2 'nothing is there to hash' hash 0xF1D2 --offset 10
said 2 'nothing is there to hash' hash 0xF1D2 --length 11
said 2 'name an object' hash
said 2 'name an object' hash 0xF1D2 --file message
said 5 'is no data object' hash 0xE0EE
ok "SHA-256 of files and objects"

# ---- keys that come from outside, by a signed and encrypted update ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout update.key -out update.pem -days 30 -subj /CN=updates -addext keyUsage=critical,digitalSignature,keyCertSign 2>/dev/null
status 0 cleat cert write update.pem --object 0xE0E8
head -c 64 /dev/urandom | hex >shared.hex
chmod 600 shared.hex
status 0 chip write 0xF1D8 --hex "$(cat shared.hex)" --lab
status 0 chip metadata set 0xF1D8 --type 'protected update secret' --read never --execute always --lab
build() { cleat chip update build "$@" --anchor 0xE0E8 --signer update.key; }
sealed=(--key 0xF1D8 --secret-file shared.hex)
for kind in p256:prime256v1:256:0xE0F2 p384:secp384r1:384:0xE0F3 p521:secp521r1:512:0xE0F2 bp256:brainpoolP256r1:256:0xE0F2 \
    bp384:brainpoolP384r1:384:0xE0F3 bp512:brainpoolP512r1:512:0xE0F2; do
    IFS=: read -r name group md slot <<<"$kind"
    openssl ecparam -name "$group" -genkey -noout -out "$name.key"
    openssl ec -in "$name.key" -pubout -out "$name.pub" 2>/dev/null
    [ "$name" = p256 ] || [ "$name" = p384 ] && status 0 chip metadata set $slot --change 'Int(0xE0E8)' --lab
    version=$((${version:-0} + 1))
    build $slot --key-type "$name" --file "$name.key" --usage auth,sign --version $version --out "$name.update" "${sealed[@]}" >/dev/null
    scalar=$(openssl ec -in "$name.key" -noout -text 2>/dev/null | sed -n '/^priv/,/^pub/{/^ /p}' | tr -d ' :\n')
    ! hex <"$name.update" | grep -q "${scalar:4:32}" || fail "$name: the key is in the clear"
    status 0 chip update show "$name.update"
    grep -q '^changes: key' cmd.out && grep -q "^key: ECC" cmd.out || fail "show: $(cat cmd.out)"
    said 6 'the key in it is destroyed for ever' update apply "$name.update"
    status 0 chip update apply "$name.update" --confirm $slot
    status 0 chip sign $slot --file message --hash sha$md --out ecc.sig
    openssl dgst -sha$md -verify "$name.pub" -signature ecc.sig message >/dev/null || fail "$name: OpenSSL does not take the new key's signature"
done
status 0 chip metadata set 0xE200 --change 'Int(0xE0E8)' --lab
for bits in 128 192 256; do
    head -c $((bits / 8)) /dev/urandom | hex >aes.hex
    chmod 600 aes.hex
    build 0xE200 --key-type aes$bits --file aes.hex --version $bits --out aes.update "${sealed[@]}" >/dev/null
    status 0 chip update apply aes.update --confirm 0xE200
    iv=$(head -c 16 /dev/urandom | hex)
    status 0 chip encrypt 0xE200 --file blocks --iv "$iv" --out cipher
    openssl enc -aes-$bits-cbc -K "$(cat aes.hex)" -iv "$iv" -nopad -in blocks | cmp -s - cipher || fail "aes$bits: not the key that was sent"
done
refused() { # refused PATTERN ARGS...
    local pattern=$1
    shift
    said 2 "$pattern" update build "$@" --anchor 0xE0E8 --signer update.key --version 9 --out no.update
    [ ! -e no.update ] || fail "built though refused: $*"
}
refused 'encrypted only' 0xE0F2 --key-type p256 --file p256.key
refused 'encrypted only' 0xE0F2 --key-type p256 --file p256.key --key 0xF1D8
refused 'from a file' 0xE200 --key-type aes128 --hex "$(cat aes.hex)" "${sealed[@]}"
refused 'key-type: p256' 0xE0FC --key-type rsa2048 --file p256.key "${sealed[@]}"
refused 'not of --key-type' 0xE0F2 --key-type p384 --file p256.key "${sealed[@]}"
refused 'no private key' 0xE0F2 --key-type p256 --file p256.pub "${sealed[@]}"
refused '32 bytes, not a key' 0xE200 --key-type aes128 --file aes.hex "${sealed[@]}"
refused 'does not go with' 0xE0F2 --key-type p256 --file p256.key --metadata "${sealed[@]}"
refused 'usage: auth' 0xE0F2 --key-type p256 --file p256.key --usage all "${sealed[@]}"
refused 'larger than' 0xE0F2 --key-type p256 --file /dev/zero "${sealed[@]}"
ok "keys put in by update: curves and AES, as OpenSSL has them; never in the clear"

events() { printf '%d' "0x$(chip read 0xE0C5 --raw | hex)"; }
before=$(events)
status 0 chip selftest
left=$(($(events) - before))
[ "$left" -le 3 ] || fail "selftest leaves $left security events"
for name in 'RSA' 'AES' 'HMAC' 'key derivation'; do
    grep -qE "^ok .*$name" cmd.out || fail "selftest does not try $name: $(cat cmd.out)"
done
ok "selftest tries them; it leaves three security events at most"
