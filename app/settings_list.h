/* SPDX-License-Identifier: MIT */
/*
 * Every setting: name, field, range, meaning. No include guard: whoever
 * includes it says what to make of a row, as SETTING(type, name, field, min,
 * max, choices, meaning). A maximum above 65535 is a multiple of 1000.
 */
#define TEXT(name, field, min, max, meaning)                                   \
    SETTING(TEXT, name, field, min, max, NULL, meaning)
#define SECRET(name, field, max, meaning)                                      \
    SETTING(SECRET, name, field, 0, max, NULL, meaning)
#define NUMBER(name, field, min, max, meaning)                                 \
    SETTING(NUMBER, name, field, min, max, NULL, meaning)
#define SWITCH(name, field, meaning)                                           \
    SETTING(SWITCH, name, field, 0, 1, NULL, meaning)
#define CHOICE(name, field, choices, meaning)                                  \
    SETTING(CHOICE, name, field, 0, 64, choices, meaning)

TEXT(CHIP, chip, 0, 1023,
     "Secure element: sim:DIR, unix:PATH, i2c:/dev/i2c-N or "
     "soft:KEY.pem,CERT.pem (tests only)")
TEXT(CHIP_SHIELD, chip_shield, 0, 1023,
     "Shielded connection to the chip: the file with the binding secret that "
     "`cleat chip pair` wrote; empty: none")
TEXT(CHIP_RESET_LINE, chip_reset_line, 0, 255,
     "GPIO line at the chip's RST, for CHIP=i2c:...: as gpiochip0:17 or its "
     "name; empty: not wired")
TEXT(CHIP_POWER_LINE, chip_power_line, 0, 255,
     "GPIO line that switches the chip's VCC, named alike; empty: not wired")
NUMBER(CHIP_I2C_KHZ, chip_i2c_khz, 10, 1000,
       "Clock of the chip's bus, where it can be set; above 400 the chip "
       "changes its mode")
TEXT(LINK_INTERFACE, link_interface, 0, 15,
     "Network interface whose state is the link's; empty: any")
TEXT(WIFI_SSID, wifi_ssid, 0, 32,
     "Access point's name; empty where the system manages the link")
SECRET(WIFI_PASSWORD, wifi_password, 63, "Access point's passphrase")
CHOICE(WIFI_SECURITY, wifi_security, CLEAT_WIFI_SECURITIES,
       "Access point's security type")
NUMBER(MAX_WIFI_CONN_RETRIES, max_wifi_conn_retries, 0, 1000000,
       "Attempts to bring the link up before giving up; 0: for ever")
NUMBER(WIFI_CONN_RETRY_INTERVAL_MS, wifi_conn_retry_interval_ms, 10, 3600000,
       "Time between those attempts, ms")
TEXT(MQTT_BROKER_ADDRESS, mqtt_broker_address, 0, 255,
     "Broker's host name or IP address")
NUMBER(MQTT_PORT, mqtt_port, 1, 65535,
       "Broker's port: 8883 with TLS, 1883 without (IANA); any other works")
SWITCH(MQTT_SECURE_CONNECTION, mqtt_secure_connection,
       "TLS on; off sends everything in clear")
CHOICE(BROKER_PROFILE, broker_profile, CLEAT_BROKER_PROFILES,
       "What the broker takes: aws refuses settings that AWS IoT hangs up on")
TEXT(MQTT_USERNAME, mqtt_username, 0, 255,
     "User name in CONNECT if not empty; in clear when TLS is off")
SECRET(MQTT_PASSWORD, mqtt_password, 255,
       "Password in CONNECT if not empty; in clear when TLS is off; not "
       "recommended, the certificate is the identity")
TEXT(CLIENT_CERTIFICATE, client_certificate, 1, 32,
     "Chip object that holds the certificate; no file: it is in the chip")
TEXT(CLIENT_PRIVATE_KEY, client_private_key, 1, 32,
     "Chip object of the private key; never the key itself")
TEXT(ROOT_CA_CERTIFICATE, root_ca_certificate, 0, 65535,
     "Broker's root CA: a PEM file's name, the PEM text, or a chip object as "
     "0xE0E8")
TEXT(MQTT_PUB_TOPIC, mqtt_pub_topic, 1, 255, "Publisher's topic")
TEXT(MQTT_SUB_TOPIC, mqtt_sub_topic, 1, 255,
     "Subscriber's topic or topic filter")
NUMBER(MQTT_MESSAGES_QOS, mqtt_messages_qos, 0, 2,
       "QoS of publisher and subscriber")
SWITCH(ENABLE_LWT_MESSAGE, enable_lwt_message,
       "Leave a last will with the broker")
TEXT(MQTT_WILL_TOPIC_NAME, mqtt_will_topic_name, 0, 255, "Will's topic")
TEXT(MQTT_WILL_MESSAGE, mqtt_will_message, 0, 255, "Will's payload")
NUMBER(MQTT_WILL_QOS, mqtt_will_qos, 0, 2, "Will's QoS (AWS IoT takes 0 and 1)")
SWITCH(MQTT_WILL_RETAIN, mqtt_will_retain, "Will is retained")
TEXT(MQTT_DEVICE_ON_MESSAGE, mqtt_device_on_message, 1, 64,
     "Payload that turns the LED on")
TEXT(MQTT_DEVICE_OFF_MESSAGE, mqtt_device_off_message, 1, 64,
     "Payload that turns the LED off")
SWITCH(GENERATE_UNIQUE_CLIENT_ID, generate_unique_client_id,
       "Make the client ID unique: prefix and ten characters of the chip's "
       "own identity, the same at every start")
TEXT(MQTT_CLIENT_IDENTIFIER, mqtt_client_identifier, 0, 128,
     "Client ID, or its prefix")
NUMBER(MQTT_CLIENT_IDENTIFIER_MAX_LEN, mqtt_client_identifier_max_len, 12, 128,
       "Longest client ID; 23 is what every broker must take")
SWITCH(MQTT_CLEAN_SESSION, mqtt_clean_session,
       "Ask the broker to forget the session; off: messages of an outage "
       "arrive afterwards")
NUMBER(MQTT_TIMEOUT_MS, mqtt_timeout_ms, 100, 600000,
       "Time-out of one step: connect, handshake, acknowledgement; ms")
NUMBER(MQTT_KEEP_ALIVE_SECONDS, mqtt_keep_alive_seconds, 0, 65535,
       "Keep-alive; a ping goes out when nothing else did; 0: off")
TEXT(MQTT_ALPN_PROTOCOL_NAME, mqtt_alpn_protocol_name, 0, 255,
     "ALPN name, as x-amzn-mqtt-ca for MQTT on port 443; empty: none")
TEXT(MQTT_SNI_HOSTNAME, mqtt_sni_hostname, 0, 255,
     "Name sent as SNI and matched with the broker's certificate; empty: "
     "the broker's address")
NUMBER(MQTT_NETWORK_BUFFER_SIZE, mqtt_network_buffer_size, 256,
       CLEAT_DEVICE_BUFFER_MAX,
       "Receive buffer, bytes; longer messages come in pieces")
NUMBER(MQTT_SEND_BUFFER_SIZE, mqtt_send_buffer_size, 512,
       CLEAT_DEVICE_BUFFER_MAX, "Unacknowledged and offline messages, bytes")
TEXT(MQTT_STORE, mqtt_store, 0, 1023,
     "A file for unacknowledged and offline messages of QoS 1 and 2, which so "
     "outlive a restart; empty: in memory only, as in an image always")
NUMBER(MAX_MQTT_CONN_RETRIES, max_mqtt_conn_retries, 0, 1000000,
       "Attempts to connect before giving up; 0: for ever")
NUMBER(MQTT_CONN_RETRY_INTERVAL_MS, mqtt_conn_retry_interval_ms, 10, 3600000,
       "Upper bound of the first wait between attempts, ms; waits are "
       "random and their bound doubles")
NUMBER(MQTT_CONN_RETRY_MAX_MS, mqtt_conn_retry_max_ms, 10, 3600000,
       "Upper bound of every such wait, ms")
NUMBER(MQTT_CONN_STABLE_MS, mqtt_conn_stable_ms, 0, 3600000,
       "A connection that stood this long makes waits short again, ms")
TEXT(TLS_KEY_EXCHANGES, tls_key_exchanges, 1, 64,
     "Offered key exchanges: ECDHE_ECDSA, or ECDHE_ECDSA,ECDHE_RSA for "
     "brokers with an RSA certificate")
SWITCH(TLS_CHIP_RANDOM, tls_chip_random,
       "TLS random numbers come from the chip, else from the system")
SWITCH(TLS_CHECK_DATES, tls_check_dates,
       "Refuse certificates that are not valid today; off only where there "
       "is no clock")
NUMBER(TLS_1_3, tls_1_3, 0, 2,
       "TLS 1.3: 0 not offered, 1 nothing else, 2 beside TLS 1.2, which costs "
       "one key pair of the chip more if the broker takes 1.2")
NUMBER(TLS_CHAIN_CHECK, tls_chain_check, 0, 2,
       "Who checks signatures of the broker's certificates: 0 the chip, 1 the "
       "host for curves the chip lacks, 2 the host")
TEXT(TLS_CRL_FILE, tls_crl_file, 0, 1023,
     "Revocation lists of the root CA, a PEM or DER file; empty: none")
SWITCH(TLS_ALL_ON_CHIP, tls_all_on_chip,
       "Refuse to connect where the host would check, generate or agree in the "
       "chip's place")
SWITCH(TLS_SESSION_RESUMPTION, tls_session_resumption,
       "Take up the last TLS session for two hours; such a connection asks the "
       "chip for nothing, and proves nothing about it")
TEXT(TLS_SESSION_FILE, tls_session_file, 0, 1023,
     "Where to keep that session across restarts, with its secrets; empty: in "
     "memory only")

#undef TEXT
#undef SECRET
#undef NUMBER
#undef SWITCH
#undef CHOICE
#undef SETTING
