/* SPDX-License-Identifier: MIT */
/* For compiling only: the types that lwIP asks of a system. */
#define SYS_MBOX_NULL NULL
#define SYS_SEM_NULL NULL
typedef void *sys_sem_t;
typedef void *sys_mutex_t;
typedef void *sys_mbox_t;
typedef void *sys_thread_t;
typedef unsigned sys_prot_t;
