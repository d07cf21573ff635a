/* SPDX-License-Identifier: MIT */
/* What a broker of a certain kind takes and what not, so that settings can be
 * refused in words before the broker hangs up without one. */
#ifndef CLEAT_CLI_PROFILE_H
#define CLEAT_CLI_PROFILE_H

#include "cleat/settings.h"

/** Called for each limit that the settings go beyond. */
typedef void cli_profile_tell(void *arg, const char *setting,
                              const char *sentence);

/** @return "aws" or "none": the profile that holds for these settings.
 *  @param asked NULL: by BROKER_PROFILE if that is aws, else as "auto": by the
 *         broker's address. NULL result: there is
 *         no profile of that name. */
const char *cli_profile_of(const struct cleat_settings *s, const char *asked);

/** Check the settings against a profile that cli_profile_of() returned.
 *  @return how many limits they go beyond; tell is called for each. */
unsigned cli_profile_check(const struct cleat_settings *s, const char *profile,
                           cli_profile_tell *tell, void *arg);

/** The same, printed as errors. @return CLI_OK or CLI_USAGE. */
int cli_profile_hold(const struct cleat_settings *s, const char *asked);

/** Take an endpoint of AWS IoT apart: xxxx-ats.iot.REGION.amazonaws.com.
 *  @return true if it has that shape; region is filled then. */
bool cli_profile_aws_region(const char *endpoint, char *region, size_t cap);

#endif
