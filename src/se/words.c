/* SPDX-License-Identifier: MIT */
/* Words for the chip's error codes (object 0xF1C2), and the curves' sizes. */
#include "cleat/se.h"

const char *cleat_se_chip_error(int32_t code) {
    switch (code) {
    case 0x00:
        return "the chip recorded no error";
    case 0x01:
        return "no such object";
    case 0x02:
        return "invalid password";
    case 0x03:
        return "invalid command parameter";
    case 0x04:
        return "invalid length field";
    case 0x05:
        return "invalid parameter in the data";
    case 0x06:
        return "internal error of the chip";
    case 0x07:
        return "access conditions not satisfied";
    case 0x08:
        return "beyond the end of the object";
    case 0x09:
        return "metadata would be truncated";
    case 0x0A:
        return "invalid command";
    case 0x0B:
        return "command out of sequence";
    case 0x0C:
        return "application is not open, or terminated";
    case 0x0D:
        return "insufficient memory";
    case 0x0E:
        return "counter threshold reached";
    case 0x0F:
        return "invalid manifest";
    case 0x10:
        return "invalid payload version";
    case 0x11:
        return "invalid object metadata";
    case 0x24:
        return "unsupported extension, key usage or algorithm";
    case 0x25:
        return "unsupported parameter";
    case 0x29:
        return "invalid certificate format";
    case 0x2A:
        return "unsupported certificate";
    case 0x2C:
        return "signature is not good";
    case 0x2D:
        return "integrity check failed";
    case 0x2E:
        return "decryption failed";
    case 0x2F:
        return "authorization failed";
    default:
        return "unknown chip error";
    }
}

size_t cleat_curve_bytes(enum cleat_curve curve) {
    switch (curve) {
    case CLEAT_CURVE_P256:
        return 32;
    case CLEAT_CURVE_P384:
        return CLEAT_SE_P384 ? 48 : 0;
    default:
        return 0;
    }
}
