/* SPDX-License-Identifier: MIT */
/*
 * What a certificate object holds: a bare DER certificate, or the body of a
 * TLS Certificate message behind a tag. Bytes from outside; no state.
 */
#ifndef CLEAT_OPTIGA_CERT_H
#define CLEAT_OPTIGA_CERT_H

#include "cleat/bytes.h"

/**
 * Turn an object's content into DER certificates, leaf first, in place.
 *
 * @param object  The bytes read; on success len is what the DER takes.
 * @param text    Set on failure: static words.
 * @return 0; CLEAT_ERR_SIZE the content goes on behind cap: a larger buffer
 *         is needed; CLEAT_ERR_NOT_FOUND the object is empty;
 *         CLEAT_ERR_UNSUPPORTED a kind of content that is no TLS identity;
 *         CLEAT_ERR_PROTO no certificate.
 */
int cleat_optiga_cert_unwrap(struct cleat_buf *object, const char **text);

#endif
