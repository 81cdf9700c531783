/* SPDX-License-Identifier: Apache-2.0
 *
 * sys.h - the outside world as one thread's state is given it: loop, network, disk.
 *
 * No other room calls the kernel.  `disk` is NULL where there is none (a client); so is `ring`, for the disk's files.
 */
#ifndef SYS_SYS_H
#define SYS_SYS_H

struct disk;
struct loop;
struct net;
struct ring;

struct sys {
    struct loop *loop;
    struct net *net;
    struct disk *disk;
    struct ring *ring;
};

#endif
