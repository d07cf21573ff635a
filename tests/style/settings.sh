#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/settings.md holds exactly the table in the code; `make docs` renews it.
set -euo pipefail
bin=$1
"$bin/cleat" config markdown | diff <(grep '^|' docs/settings.md) - || {
    echo "docs/settings.md differs from the code: run make docs" >&2
    exit 1
}
# Every setting of the checklist's section J is there under its name.
for name in WIFI_SSID WIFI_PASSWORD WIFI_SECURITY MAX_WIFI_CONN_RETRIES \
    WIFI_CONN_RETRY_INTERVAL_MS MQTT_BROKER_ADDRESS MQTT_PORT \
    MQTT_SECURE_CONNECTION MQTT_USERNAME MQTT_PASSWORD CLIENT_CERTIFICATE \
    CLIENT_PRIVATE_KEY ROOT_CA_CERTIFICATE MQTT_PUB_TOPIC MQTT_SUB_TOPIC \
    MQTT_MESSAGES_QOS ENABLE_LWT_MESSAGE MQTT_WILL_TOPIC_NAME \
    MQTT_WILL_MESSAGE MQTT_DEVICE_ON_MESSAGE MQTT_DEVICE_OFF_MESSAGE \
    GENERATE_UNIQUE_CLIENT_ID MQTT_CLIENT_IDENTIFIER \
    MQTT_CLIENT_IDENTIFIER_MAX_LEN MQTT_TIMEOUT_MS MQTT_KEEP_ALIVE_SECONDS \
    MQTT_ALPN_PROTOCOL_NAME MQTT_SNI_HOSTNAME MQTT_NETWORK_BUFFER_SIZE \
    MAX_MQTT_CONN_RETRIES MQTT_CONN_RETRY_INTERVAL_MS; do
    grep -q "^| \`$name\` |" docs/settings.md || {
        echo "$name is missing" >&2
        exit 1
    }
done
