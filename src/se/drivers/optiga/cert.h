/* SPDX-License-Identifier: MIT */
/*
 * What a certificate object holds: a bare DER certificate, or the body of a
 * TLS Certificate message behind a tag. Bytes from outside; no state.
 */
#ifndef CLEAT_OPTIGA_CERT_H
#define CLEAT_OPTIGA_CERT_H

#include "cleat/bytes.h"
#include "se/drivers/optiga/cause.h"

/**
 * Turn an object's content into DER certificates, leaf first, in place.
 *
 * @param object  The bytes read; on success len is what the DER takes.
 * @return FINE; CERT_ROOM the content goes on behind cap: a larger buffer is
 *         needed; CERT_EMPTY the object is empty; CERT_USB_C a kind of content
 *         that is no TLS identity; CERT_SHORT, CERT_NONE no certificate.
 */
enum cleat_optiga_cause cleat_optiga_cert_unwrap(struct cleat_buf *object);

#endif
