// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
//
// An iterator over every open file of every process, which tells of the stream sockets of IPv4 and
// IPv6: TCP, and MPTCP, because its subflows have the inode of their MPTCP socket.
//
// The kernel leaves out threads that share their leader's files, and processes that are not in the
// PID namespace of who opened the iterator. bpf_sock_from_file and bpf_get_current_task_btf came
// with Linux 5.11.
typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#include <bpf/bpf_helpers.h>

// What is used of the kernel's types; libbpf finds where the running kernel has it (CO-RE).
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter_meta {
  struct seq_file* seq;
};
struct upid {
  int nr;
  struct pid_namespace* ns;
};
struct pid {
  unsigned int level;
  struct upid numbers[1];
};
struct task_struct {
  int tgid;
  struct task_struct* group_leader;
  struct pid* thread_pid;
};
struct inode {
  unsigned long i_ino;
};
struct file {
  struct inode* f_inode;
};
struct sock_common {
  unsigned short skc_family;
};
struct sock {
  struct sock_common __sk_common;
};
struct socket {
  short type;
  struct sock* sk;
};
struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  struct file* file;
};
#pragma clang attribute pop

enum { kSockStream = 1, kAfInet = 2, kAfInet6 = 10 };

char kLicense[] SEC("license") = "GPL";

// The number of the task's process in the PID namespace of who reads; 0 when it has none any more.
static __u32 ProcessNumber(struct task_struct* task) {
  const __u32 level = bpf_get_current_task_btf()->thread_pid->level;
  if (level == 0) return task->tgid;
  struct upid number = {};
  const struct pid* leader = task->group_leader->thread_pid;
  bpf_probe_read_kernel(&number, sizeof(number), &leader->numbers[0] + level);
  return number.nr;
}

SEC("iter/task_file")
int socket_files(struct bpf_iter__task_file* context) {
  struct task_struct* task = context->task;
  struct file* file = context->file;
  if (!task || !file) return 0;  // the end
  struct socket* socket = bpf_sock_from_file(file);
  if (!socket || socket->type != kSockStream) return 0;
  const struct sock* sock = socket->sk;
  if (!sock) return 0;
  const unsigned short family = sock->__sk_common.skc_family;
  if (family != kAfInet && family != kAfInet6) return 0;
  // SocketFile of socket_files.h.
  struct {
    __u64 inode;
    __u32 pid;
    __u32 unused;
  } found = {.inode = file->f_inode->i_ino, .pid = ProcessNumber(task)};
  bpf_seq_write(context->meta->seq, &found, sizeof(found));
  return 0;
}
