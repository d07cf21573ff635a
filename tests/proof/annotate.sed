# SPDX-License-Identifier: MIT
# Where the analysis must tell cases apart: comments only, put into a copy of
# the source. tools/prove counts them, so that a line that has moved is noticed.
/^inline struct cleat_bytes cleat_read_bytes(/,/^}/{
s|^        r->failed = true;|&\n        //@ split r->failed;|
s|^    r->pos += n;|    //@ split n;\n&\n    //@ split r->pos;\n    //@ split r->failed;|
}
/^inline uint8_t cleat_read_u8(/,/^}/{
s|^    if (r->failed .*|    //@ split r->pos;\n&|
s|^        r->failed = true;|&\n        //@ split r->failed;|
s|^    return r->data\[r->pos++\];|    uint8_t v = r->data[r->pos++];\n    //@ split r->pos;\n    //@ split r->failed;\n    return v;|
}
/^inline uint16_t cleat_read_u16(/,/^}/{
s|^        r->failed = true;|&\n        //@ split r->failed;|
s|^    r->pos += 2;|&\n    //@ split r->pos;\n    //@ split r->failed;|
}
/^void cleat_write(/,/^}/{
s|^        w->failed = true;|&\n        //@ split w->failed;|
s|^    if (len > 0 .*|    //@ split len;\n&|
s|^    w->len += len;|&\n    //@ split w->len;|
}
/^uint32_t cleat_mqtt_text_check(/,/^}/{
s|^    return CLEAT_MQTT_FAST .*|    //@ split len;\n&|
}
/^static bool level_take(/,/^}/{
s|^    if (!\*more) {|    //@ split rest->len;\n&|
s|^    \*level = |    //@ split n;\n&|
s|^    \*more = .*|&\n    //@ split *more;|
}
/^bool cleat_mqtt_topic_match(/,/^}/{
s|^        if (want.len == 1 .*|        //@ split want.len;\n        //@ split filter.len;\n&|
s|^        if (!any .*|        //@ split have.len;\n        //@ split topic.len;\n&|
}
/^int cleat_mqtt_packet_decode(/,/^}/{
s|^    struct cleat_bytes body = |    //@ split length;\n&|
}
/^const char \*cleat_mqtt_properties_decode(/,/^}/{
s|^    \*props = |    //@ split len;\n&|
}
/^static inline int fast(/,/^}/{
s|^    r.len = r.pos + length;|    //@ split length;\n&|
}
/^static const char \*large(/,/^}/{
s|^        s->rx_need = end;|&\n        //@ split s->rx_need;|
s|^    s->rx_need = end;|&\n    //@ split s->rx_need;|
}
/^static const char \*packet(/,/^}/{
s|^        r.len = total;|        //@ split total;\n&|
}
