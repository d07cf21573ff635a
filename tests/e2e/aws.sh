#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat aws`: the policy to the letter; what registers a device, its script run
# with a stand-in of AWS's command line; fleet provisioning by claim against a
# stand-in of AWS's topics on a Mosquitto.
. "$(dirname "$0")/lib.sh"
cd "$work"
make_ca ca
make_ca cloud
make_ca stranger
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
cleat-chipsim --dir chip --print-info >chip.pem
endpoint=abcdefghijklmn-ats.iot.eu-central-1.amazonaws.com
aws=(--chip "sim:$work/chip" --set "MQTT_BROKER_ADDRESS=$endpoint" --set ROOT_CA_CERTIFICATE=ca.pem)

# ---- policy ----
status 0 cleat aws policy "${aws[@]}" --account 123456789012 --client-id me --set MQTT_SUB_TOPIC='fleet/+/led/#' \
    --set ENABLE_LWT_MESSAGE=1 --set MQTT_WILL_RETAIN=1
tr -d ' \t\n' <cmd.out >policy.txt
arn=arn:aws:iot:eu-central-1:123456789012
allow() { # allow ACTION RESOURCE...
    local action=$1 list
    shift
    list=$(printf ",\"$arn:%s\"" "$@")
    printf '{"Effect":"Allow","Action":"iot:%s","Resource":[%s]}' "$action" "${list#,}"
}
want='{"Version":"2012-10-17","Statement":['
want+="$(allow Connect client/me),$(allow Publish topic/ledstatus topic/ledstatus/will),$(allow RetainPublish topic/ledstatus/will),"
want+="$(allow Receive 'topic/fleet/*/led' 'topic/fleet/*/led/*'),$(allow Subscribe 'topicfilter/fleet/+/led/#')]}"
[ "$(cat policy.txt)" = "$want" ] || fail "policy: $(cat policy.txt)"
ok "the policy has the client ID and the topics, and nothing more"
status 0 cleat aws policy "${aws[@]}"
grep -q 'eu-central-1:ACCOUNT:client/psoc6-mqtt-c-' cmd.out || fail "the device's own client ID"
id=$(sed -n 's|.*:client/\(.*\)".*|\1|p' cmd.out)
grep -q RetainPublish cmd.out && fail "more than is needed"
cleat run --chip "sim:$work/chip" </dev/null >run.out 2>&1 || true
grep -q "client/$id\"" run.out || fail "cleat run names another client ID than $id"
ok "with the ID that the device has"
status 0 cleat aws policy "${aws[@]}" --region cn-north-1 --client-id me
grep -q 'arn:aws-cn:iot:cn-north-1:' cmd.out || fail "China"
status 0 cleat aws policy "${aws[@]}" --client-id 'a*b'
grep -q 'warning: the client ID holds' cmd.err || fail "no warning of a wildcard"
names() { # names WORDS OPTIONS...: refused with these words, by each verb
    local verb
    for verb in policy 'register multi-account' 'provision --template fleet1'; do
        # shellcheck disable=SC2086
        status 2 cleat aws $verb "${aws[@]}" "${@:2}"
        grep -q -- "$1" cmd.err || fail "$verb: no word of \"$1\": $(cat cmd.err)"
    done
    [ ! -e cleat-aws ] || fail "files in spite of a wrong call"
}
names 'template: not a name that AWS takes' --template 'a b'
names 'template: not a name that AWS takes' --template "$(head -c 37 /dev/zero | tr '\0' t)"
names 'region: not a name that AWS takes' --region ''
names 'account: not a name that AWS takes' --account 12345678901
names 'role: not a name that AWS takes' --role 'a;b'
names 'the client ID is not one that AWS takes' --client-id "$(head -c 129 /dev/zero | tr '\0' c)"
names 'the client ID is not one that AWS takes' --client-id ''
names 'the client ID is not one that AWS takes' --client-id $'a\xff'
status 0 cleat aws policy "${aws[@]}" --client-id "$(head -c 128 /dev/zero | tr '\0' c)"
ok "names that AWS does not take are refused, by all verbs"
status 0 cleat aws policy "${aws[@]}" --claim --template fleet1
grep -q 'topic/$aws/provisioning-templates/fleet1/provision/json"' cmd.out || fail "claim"
[ "$(grep -c '"Effect"' cmd.out)" = 4 ] || fail "claim's statements"
ok "other partitions, wildcards, the claim's policy"

# ---- register, with a stand-in of the command line ----
mkdir fake
cat >fake/aws <<'EOF'
#!/bin/sh
# What was asked, one call a line; files must be there and be JSON or PEM.
printf '%s\n' "$*" >>"$AWS_LOG"
for word; do
    case $word in
    file://*.json*) [ -s "${word#file://}" ] || exit 9 ;;
    file://*.pem) openssl x509 -in "${word#file://}" -noout || exit 9 ;;
    esac
done
case "$*" in
*get-caller-identity*) echo 123456789012 ;;
*get-registration-code*) echo 0123456789abcdef ;;
*register-certificate-without-ca*) echo arn:aws:iot:eu-central-1:123456789012:cert/c1 ;;
*register-ca-certificate*) echo ca1 ;;
*list-certificates-by-ca*) echo arn:aws:iot:eu-central-1:123456789012:cert/other ;;
*describe-certificate*) # The device's certificate, once it was there.
    id=$(openssl x509 -in device.pem -outform DER | sha256sum | cut -d' ' -f1)
    case "${AWS_EMPTY:-}:$*" in
    :*"--certificate-id $id "*) echo "arn:aws:iot:eu-central-1:123456789012:cert/$id" ;;
    *) echo 'ResourceNotFoundException' >&2 && exit 254 ;;
    esac
    ;;
*describe-endpoint*) echo abcdefghijklmn-ats.iot.eu-central-1.amazonaws.com ;;
"configure get region") echo "${AWS_FAKE_REGION:-eu-central-1}" ;;
esac
EOF
chmod +x fake/aws
register() { # register METHOD OPTIONS...: make the files and run the script
    local method=$1
    shift
    rm -rf "$method"
    status 0 cleat aws register "$method" "${aws[@]}" --out "$method" "$@"
    : >"$method.log"
    (cd "$method" && env -u AWS_REGION AWS_LOG="$work/$method.log" PATH="$work/fake:$PATH" sh register.sh <<<'') >"$method.out" 2>"$method.err" ||
        fail "$method: register.sh: $(cat "$method.err")"
    expect "$method.out" "^MQTT_BROKER_ADDRESS = $endpoint" 0
}
said() { # said METHOD PATTERN...: in this order
    local method=$1 at=0 line
    shift
    for pattern; do
        line=$(tail -n "+$((at + 1))" "$method.log" | grep -nE -m 1 -- "$pattern" | cut -d: -f1) || fail "$method: no call like $pattern after line $at"
        at=$((at + line))
    done
    ok "register $method: $# calls in order"
}
register multi-account
said multi-account 'register-certificate-without-ca .*device.pem --status ACTIVE' "create-thing --thing-name $id" 'create-policy' \
    'attach-policy .*cert/c1' 'attach-thing-principal .*cert/c1'
grep -q "eu-central-1:123456789012:client/$id" multi-account/policy.json.filled || fail "policy is not filled in"
away=(--set MQTT_BROKER_ADDRESS=broker.example --set MQTT_PUB_TOPIC=plant/REGION2/ACCOUNTING --set 'MQTT_SUB_TOPIC=a*b/ACCOUNT')
AWS_FAKE_REGION=cn-north-1 register multi-account "${away[@]}"
grep -q '"arn:aws-cn:iot:cn-north-1:123456789012:topic/plant/REGION2/ACCOUNTING"' multi-account/policy.json.filled &&
    grep -q '"arn:aws-cn:iot:cn-north-1:123456789012:topicfilter/a\*b/ACCOUNT"' multi-account/policy.json.filled ||
    fail "filled in elsewhere: $(cat multi-account/policy.json.filled)"
status 0 cleat aws register multi-account "${aws[@]}" "${away[@]}" --out wild
grep -q 'warning: MQTT_SUB_TOPIC holds' cmd.err || fail "register: no warning of a wildcard"
ok "register: REGION and ACCOUNT are filled in where an ARN begins, and nowhere else"
register multi-account
cmp <(openssl x509 -in multi-account/device.pem -outform DER) <(openssl x509 -in chip.pem -outform DER) || fail "another certificate"
! grep -qE 'create-keys-and-certificate|create-certificate' multi-account/register.sh || fail "makes a key in the cloud"
status 1 cleat aws register multi-account "${aws[@]}" --out multi-account
grep -q 'give another folder' cmd.err || fail "overwrites"
status 2 cleat aws register jitp "${aws[@]}"
register jitp --ca chip/factory-ca.pem
said jitp 'register-ca-certificate .*SNI_ONLY .*--allow-auto-registration --registration-config file://jitp.json.filled'
register jitr --ca chip/factory-ca.pem
print=$(openssl x509 -in chip.pem -outform DER | sha256sum | cut -d' ' -f1)
said jitr 'register-ca-certificate .*SNI_ONLY' "update-certificate --certificate-id $print --new-status ACTIVE" "attach-policy .*cert/$print"
! (cd jitr && printf '\n\n' | AWS_EMPTY=1 AWS_LOG="$work/empty.log" PATH="$work/fake:$PATH" sh register.sh) >empty.out 2>empty.err ||
    fail "jitr goes on without the device's certificate"
grep -q "AWS does not have the device's certificate $print" empty.err || fail "jitr: no words: $(cat empty.err)"
! grep -q update-certificate empty.log || fail "jitr activates another certificate"
ok "register jitr: activates the device's certificate, and no other"
register jitp --ca chip/factory-ca.pem --region us-gov-west-1
grep -q '"arn:aws-us-gov:iam::ACCOUNT:role/cleat-provisioning"' jitp/jitp.json || fail "role: $(cat jitp/jitp.json)"
AWS_FAKE_REGION=cn-north-1 register jitp --ca chip/factory-ca.pem --set MQTT_BROKER_ADDRESS=broker.example
grep -q '"arn:aws-cn:iam::123456789012:role/cleat-provisioning"' jitp/jitp.json.filled &&
    grep -q 'arn:aws-cn:iot:cn-north-1:123456789012:topic/ledstatus' jitp/jitp.json.filled || fail "partition: $(cat jitp/jitp.json.filled)"
AWS_FAKE_REGION=us-gov-west-1 register fleet --template fleet1
said fleet 'create-provisioning-template .*--provisioning-role-arn arn:aws-us-gov:iam::123456789012:role/cleat-provisioning '
ok "register: roles of other partitions"
issue ca leaf 'basicConstraints=CA:FALSE'
cat chip/factory-ca.pem ca.key >both.pem
refused() { # refused FILE WORDS: as --ca, and no file is left
    status 2 cleat aws register jitr "${aws[@]}" --out never --ca "$1"
    grep -q -- "$2" cmd.err || fail "no word of \"$2\": $(cat cmd.err)"
    [ ! -e never ] || fail "$1 as --ca: $(ls never)"
}
refused ca.key 'holds no certificate'
refused leaf.pem 'is not the certificate of a CA'
refused ca.pem "has not issued the device's certificate"
refused missing.pem missing.pem
register jitr --ca both.pem
! grep -q PRIVATE jitr/ca.pem || fail "a private key is copied"
ok "register: --ca is the certificate of the device's CA, and only that is written"
mkdir half && echo mine >half/ca.pem
status 1 cleat aws register jitr "${aws[@]}" --out half --ca chip/factory-ca.pem
[ "$(ls half)" = ca.pem ] && [ "$(cat half/ca.pem)" = mine ] || fail "left behind: $(ls half)"
rm half/ca.pem
status 0 cleat aws register jitr "${aws[@]}" --out half --ca chip/factory-ca.pem
ok "register: what failed leaves nothing behind, and can be done again"
cleat-chipsim --dir chip2 --ca-cert ca.pem --ca-key ca.key --print-info >chip2.pem
rm -rf jitp && mkdir jitp && cp ca.key jitp/ca.key
status 0 cleat aws register jitp "${aws[@]}" --chip "sim:$work/chip2" --out jitp --ca ca.pem --prove-ca
: >proof.log
(cd jitp && AWS_LOG="$work/proof.log" PATH="$work/fake:$PATH" sh register.sh) >proof.out 2>&1 || fail "jitp --prove-ca: $(cat proof.out)"
said proof 'get-registration-code' 'register-ca-certificate .*--verification-certificate file://verification.pem'
openssl x509 -in jitp/verification.pem -noout -subject | grep -q 0123456789abcdef || fail "registration code"
openssl verify -CAfile ca.pem jitp/verification.pem >/dev/null || fail "not signed by the CA"
register fleet --template fleet1
said fleet 'create-provisioning-template --template-name fleet1 .*template.json.filled' 'register-certificate-without-ca' 'create-policy .*claim-policy.json.filled'
if command -v python3 >/dev/null; then
    for f in */*.json; do
        python3 -m json.tool "$f" >/dev/null || fail "$f is no JSON"
    done
fi

# ---- provision, with a stand-in of the topics ----
cat ca.pem cloud.pem chip/factory-ca.pem >clients.pem
port=$(free_port)
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
issue ca cloudend 'extendedKeyUsage=clientAuth'
end=(-h localhost -p "$port" --cafile ca.pem --cert cloudend.pem --key cloudend.key -q 1)
answer() { # answer TOPIC JSON
    printf '%s' "$2" | mosquitto_pub "${end[@]}" -t "$1" -s
}
cloud() { # what AWS does; the file `mode` says what goes wrong
    local topic payload mode by
    while read -r topic payload; do
        mode=$(cat mode)
        echo "$topic $payload" >>asked
        case $mode:$topic in
        mute:*) ;;
        garbage:*create-from-csr/json) answer "$topic/accepted" '{"certificatePem": 7' ;;
        reject:*create-from-csr/json) answer "$topic/rejected" '{"statusCode":400,"errorCode":"InvalidCertificateSigningRequest","errorMessage":"no"}' ;;
        *create-from-csr/json)
            if [ "$mode" = late ]; then # answers nobody who still waits
                until [ -e gone ]; do sleep 0.05; done
            fi
            printf '%b' "$(sed 's/.*"certificateSigningRequest":"\([^"]*\)".*/\1/' <<<"$payload")" >csr.pem
            openssl req -in csr.pem -noout -verify >csr.verify 2>&1 || true
            if [ "$mode" = other-key ]; then
                cp cloudend.csr csr.pem
            fi
            by=$([ "$mode" = stranger ] && echo stranger || echo cloud)
            openssl x509 -req -in csr.pem -CA "$by.pem" -CAkey "$by.key" -CAcreateserial -days 30 -out new.pem 2>/dev/null
            answer "$topic/accepted" "{\"certificateId\":\"id1\",\"certificatePem\":\"$(awk '{ printf "%s\\n", $0 }' new.pem)\",\"certificateOwnershipToken\":\"token-$(head -c 1500 /dev/zero | tr '\0' t)\"}"
            echo done >"answered.$mode"
            ;;
        hook:*/provision/json) answer "$topic/rejected" '{"statusCode":400,"errorCode":"AccessDenied","errorMessage":"the hook\u001b says no"}' ;;
        *fleet1/provision/json)
            grep -q '"certificateOwnershipToken":"token-ttt' <<<"$payload" || continue
            answer "$topic/accepted" "{\"deviceConfiguration\":{},\"thingName\":\"$(sed 's/.*"SerialNumber":"\([^"]*\)".*/\1/' <<<"$payload")\"}"
            ;;
        esac
    done
}
echo good >mode
: >asked
mkfifo questions
# shellcheck disable=SC2016
mosquitto_sub "${end[@]}" -v -t '$aws/certificates/create-from-csr/json' -t '$aws/provisioning-templates/+/provision/json' >questions 2>sub.err &
pids+=("$!")
cloud <questions >cloud.out 2>cloud.err &
pids+=("$!")
expect broker.err 'Sending SUBACK'
device=(--chip "sim:$work/chip" --set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" --set ROOT_CA_CERTIFICATE=ca.pem --set MQTT_TIMEOUT_MS=3000)
provision=(cleat aws provision --template fleet1 "${device[@]}")

refuses() { # refuses MODE WORDS [MS]: and the slot stays empty
    local asked code
    asked=$(wc -l <asked)
    echo "$1" >mode
    for _ in 1 2 3 4 5; do # in a short time it may not even get to ask
        code=0
        "${provision[@]}" --lab --set "MQTT_TIMEOUT_MS=${3:-3000}" >cmd.out 2>cmd.err </dev/null || code=$?
        [ "$(wc -l <asked)" = "$asked" ] || break
    done
    [ $code = 1 ] || fail "$1: status $code: $(cat cmd.err)"
    grep -q -- "$2" cmd.err || fail "$1: no word of \"$2\": $(cat cmd.err)"
    status 12 cleat doctor "${device[@]}" --set CLIENT_CERTIFICATE=0xE0E1 --set CLIENT_PRIVATE_KEY=0xE0F1
    grep -q 'certificate-empty' cmd.out || fail "$1: the slot is not empty"
    ok "provision: $1: told, and nothing is written"
}
refuses mute 'no answer on $aws/certificates/create-from-csr/json' 700
refuses garbage 'the answer is no JSON'
refuses reject 'rejected: InvalidCertificateSigningRequest: no'
refuses other-key 'is for another key; it is not written'
refuses hook 'rejected: AccessDenied: the hook[?] says no'
refuses late 'no answer on $aws/certificates/create-from-csr/json' 700
touch gone
expect answered.late done
echo good >mode
other=(--lab --key 0xE0F2 --certificate 0xE0E2)
status 0 "${provision[@]}" "${other[@]}"
grep -q "^thing: $id$" cmd.out || fail "thing after a late answer"
ok "provision: the answer to a run that gave up is not taken for this one's"
kept=(mosquitto_pub "${end[@]}" -r -t '$aws/certificates/create-from-csr/json/accepted')
"${kept[@]}" -m '{"certificatePem": 7'
status 0 "${provision[@]}" "${other[@]}" --replace
"${kept[@]}" -n
ok "provision: a message that the broker kept is no answer"
deaf=$(free_port)
background deaf scripted "$deaf" 20020000 900400018080 -
expect deaf.err listening
status 1 "${provision[@]}" --lab --set MQTT_SECURE_CONNECTION=0 --set "MQTT_PORT=$deaf"
grep -q 'create-from-csr/json/accepted: the broker refuses the subscription (SUBACK 0x80)' cmd.err || fail "SUBACK: $(cat cmd.err)"
ok "provision: a refused subscription is told as one"
public() { # public SLOT: of the key in it
    cleat cert csr --chip "sim:$work/chip" --key "$1" --subject /CN=x | openssl req -noout -pubkey
}
before=$(public 0xE0F1)
asked=$(wc -l <asked)
wrong() { # wrong WORDS OPTIONS...: a wrong call, before anything is lost
    status 2 "${provision[@]}" --lab "${@:2}"
    grep -q -- "$1" cmd.err || fail "no word of \"$1\": $(cat cmd.err)"
}
wrong '"SerialNumber" is not NAME=VALUE' --parameter SerialNumber
wrong 'is not NAME=VALUE' --parameter "Colour=r"$'\xff'"d"
wrong 'longer than 2048 bytes' --parameter "Colour=$(head -c 2048 /dev/zero | tr '\0' r)"
wrong "common name, which has 1 to 64 characters" --client-id "$(head -c 65 /dev/zero | tr '\0' c)"
wrong 'template: not a name that AWS takes' --template 'a/b+'
wrong 'template: not a name that AWS takes' --template ''
wrong 'object 0xF1D0 holds 140 bytes: too few for a certificate' --certificate 0xF1D0
[ "$(public 0xE0F1)" = "$before" ] && [ "$(wc -l <asked)" = "$asked" ] || fail "a wrong call made a key or asked"
ok "provision: what cannot work is refused before the key is lost"
echo good >mode
status 2 "${provision[@]}" --key 0xE0F0
grep -q "the claim's own slots" cmd.err || fail "would overwrite the claim"
status 17 "${provision[@]}" --lab --set ROOT_CA_CERTIFICATE=cloud.pem
grep -q 'remedy: set ROOT_CA_CERTIFICATE' cmd.err || fail "the doctor's words"
status 6 "${provision[@]}" # A key of the attempts before is there.
grep -q '0xE0F1: the ECC P-256 key in it is destroyed for ever' cmd.err || fail "not said what is lost"
grep -q -- '--confirm 0xE0F1' cmd.err || fail "not said what to type"
status 6 "${provision[@]}" --confirm 0xE0F0
status 6 "${provision[@]}" --json
grep -q '"irreversible":	true' cmd.out || fail "JSON: $(cat cmd.out)"
status 0 "${provision[@]}" --dry-run
grep -q 'dry run, nothing was changed' cmd.err || fail "dry run"
ok "provision: what cannot be undone needs to be typed"
status 0 "${provision[@]}" --confirm 0xE0F1 --parameter "SerialNumber=SN-7" --parameter Colour=red
grep -q '^thing: SN-7$' cmd.out || fail "thing"
grep -q 'accepted by the broker' cmd.out || fail "not proven"
grep -q '"parameters":{"SerialNumber":"SN-7","Colour":"red"}' asked || fail "parameters"
grep -qi 'verify OK' csr.verify || fail "the request's signature: $(cat csr.verify)"
grep -qE "subject=CN ?= ?$id" <(openssl req -in csr.pem -noout -subject) || fail "the request's subject"
status 0 cleat doctor --hold 200 "${device[@]}" --set CLIENT_CERTIFICATE=0xE0E1 --set CLIENT_PRIVATE_KEY=0xE0F1
grep -q 'issued by CN=cloud' cmd.out || fail "another certificate"
ok "provision: a new key in the chip, its request verified by OpenSSL, the certificate written and accepted"
status 2 "${provision[@]}"
grep -q 'holds a certificate already' cmd.err || fail "replaces unasked"
status 6 "${provision[@]}" --replace --json --no-proof
grep -q 'the certificate in 0xE0E1 is replaced' cmd.err || fail "not said that a certificate is lost"
status 0 "${provision[@]}" --replace --json --no-proof --confirm 0xE0F1
grep -q '"proven":	false' cmd.out || fail "JSON"
ok "provision: a slot in use is replaced only when told so"
echo stranger >mode
status 17 "${provision[@]}" "${other[@]}" --replace --json
grep -q '"proven":	false' cmd.out && grep -q '"certificate_id":	"id1"' cmd.out && grep -q '"exit_status":	17' cmd.out || fail "JSON: $(cat cmd.out)"
status 17 "${provision[@]}" "${other[@]}" --replace
grep -q 'for key 0xE0F2, not proven$' cmd.out && grep -q 'CLIENT_PRIVATE_KEY = 0xE0F2' cmd.out || fail "not told what is in the chip: $(cat cmd.out)"
grep -q 'only the proof failed.*stands in 0xE0F2 and 0xE0E2; do not make another with --replace' cmd.err || fail "what to do: $(cat cmd.err)"
ok "provision: a pair that is in the chip but not accepted is told, with what to do"
