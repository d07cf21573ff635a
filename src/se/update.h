/* SPDX-License-Identifier: MIT */
/* Numbers of a protected update's form, for those who read and write it. */
#ifndef CLEAT_SE_UPDATE_NUMBERS_H
#define CLEAT_SE_UPDATE_NUMBERS_H

/** Fields of the command. */
#define UPDATE_MANIFEST 0x30u
#define UPDATE_LAST 0x31u
#define UPDATE_NEXT 0x32u
#define UPDATE_FRAGMENT 640u
#define UPDATE_VERSION_MAX 0x7FFFu
#define UPDATE_ERASE 2u

/** Major types of CBOR. */
#define CBOR_NUMBER 0u
#define CBOR_NEGATIVE 1u /**< -1 - n, as n. */
#define CBOR_BYTES 2u
#define CBOR_ARRAY 4u
#define CBOR_MAP 5u
#define CBOR_NIL 0xF6u

/** Labels and identifiers of COSE. */
#define COSE_ALG 1u
#define COSE_KEY 4u
#define COSE_IV 5u
#define COSE_SHA256 41u
#define COSE_PRF_SHA256 65719u

#endif
