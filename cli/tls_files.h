/* SPDX-License-Identifier: MIT */
/* What TLS keeps in files: revocation lists, and a session over a restart. */
#ifndef CLEAT_CLI_TLS_FILES_H
#define CLEAT_CLI_TLS_FILES_H

#include "cleat/settings.h"
#include "cleat/tls_session.h"

struct cli_tls_files {
    uint8_t *crl; /**< What TLS_CRL_FILE names; NULL: nothing. */
    size_t crl_len;
    const char *session_file; /**< NULL: none. */
    const char *session_name; /**< Of the setting or option, for messages. */
    struct cleat_tls_session session;
};

/** Read them. Prints errors. @return CLI_OK or CLI_USAGE. */
int cli_tls_files_open(struct cli_tls_files *f, const struct cleat_settings *s);
/** Read only the revocation lists. Prints errors. @return as above. */
int cli_tls_files_crl(struct cli_tls_files *f, const struct cleat_settings *s);
/** Make the session empty, or take it from a file, and write it down there at
 *  the end. name: of the setting or option; file: NULL for none. */
void cli_tls_files_session(struct cli_tls_files *f, const char *name,
                           const char *file);
/** Write the session down if it has a file; wipe and free. */
void cli_tls_files_close(struct cli_tls_files *f);

#endif
