/* SPDX-License-Identifier: MIT */
/*
 * What every port must do (cleat/port.h), as a suite that any port runs: some
 * glue, a main() or main task that calls port_conformance(), no more. See
 * docs/porting.md.
 */
#ifndef PORT_CONFORMANCE_H
#define PORT_CONFORMANCE_H

#include <stdint.h>

struct port_conformance {
    const char *name; /**< Of the port, for the report. */
    /** Wait where the suite runs (the main context, which is no task of ours)
     *  until timeout_ms is over or earlier. A port whose tasks share one loop
     *  steps them meanwhile. Wakes of what cleat_port_current() returned here
     *  should end it, but need not. */
    void (*wait)(uint64_t timeout_ms);
    /** Run routine in an interrupt, now or soon. NULL: has none. */
    void (*interrupt)(void (*routine)(void));
};

/** Run the suite. @return the number of cases that failed. */
int port_conformance(const struct port_conformance *port);

#endif
