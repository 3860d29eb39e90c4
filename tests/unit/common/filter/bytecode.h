// inet_diag bytecode, audited and run as the kernel does it.
#pragma once

#include <linux/inet_diag.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::filter::bytecode {

using Program = std::vector<std::byte>;

template <class Value>
Value Load(const Program& program, size_t at) {
  Value value;
  std::memcpy(&value, program.data() + at, sizeof(value));
  return value;
}

inline inet_diag_bc_op OpAt(const Program& program, size_t at) {
  return Load<inet_diag_bc_op>(program, at);
}

inline bool StartsInstruction(const Program& program, size_t at) {
  size_t start = 0;
  while (start < at) start += OpAt(program, start).yes;
  return start == at;
}

// What an instruction takes at least; 0 for one that unprivileged programs on a kernel of 4.19
// cannot have.
inline size_t SizeOf(const Program& program, size_t at) {
  switch (OpAt(program, at).code) {
    case INET_DIAG_BC_JMP:
      return 4;
    case INET_DIAG_BC_S_GE:
    case INET_DIAG_BC_S_LE:
    case INET_DIAG_BC_D_GE:
    case INET_DIAG_BC_D_LE:
    case INET_DIAG_BC_DEV_COND:
      return 8;
    case INET_DIAG_BC_S_COND:
    case INET_DIAG_BC_D_COND: {
      const auto condition = Load<inet_diag_hostcond>(program, at + 4);
      const size_t bytes = condition.family == AF_INET ? 4 : condition.family == AF_INET6 ? 16 : 0;
      return condition.prefix_len <= bytes * 8 ? 4 + sizeof(condition) + bytes : 0;
    }
    default:
      return 0;
  }
}

// Source: net/ipv4/inet_diag.c, inet_diag_bc_audit().
inline bool IsWellFormed(const Program& program) {
  size_t at = 0;
  while (at < program.size()) {
    const size_t rest = program.size() - at;
    if (rest < sizeof(inet_diag_bc_op)) return false;
    const inet_diag_bc_op op = OpAt(program, at);
    const size_t size = SizeOf(program, at);
    const auto is_jump = [&](size_t by) { return by >= size && by <= rest + 4 && by % 4 == 0; };
    if (size == 0 || size > rest || !is_jump(op.yes) || !is_jump(op.no)) return false;
    if (op.no < rest && !StartsInstruction(program, at + op.no)) return false;
    at += op.yes;
  }
  return at == program.size();
}

inline bool SameBits(const uint8_t* a, const uint8_t* b, int bits) {
  if (std::memcmp(a, b, static_cast<size_t>(bits / 8)) != 0) return false;
  return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)) == 0;
}

// Source: net/ipv4/inet_diag.c, inet_diag_bc_run().
inline bool HostCondition(const Program& program, size_t at, const base::Endpoint& end) {
  const auto condition = Load<inet_diag_hostcond>(program, at);
  uint8_t wanted[16] = {};
  std::memcpy(wanted, program.data() + at + sizeof(condition),
              condition.family == AF_INET    ? 4
              : condition.family == AF_INET6 ? 16
                                             : 0);
  if (condition.port != -1 && condition.port != end.port) return false;
  const int family = end.address.is_v4() ? AF_INET : AF_INET6;
  const uint8_t* address = end.address.bytes().data();
  if (condition.family != AF_UNSPEC && condition.family != family) {
    return family == AF_INET6 && condition.family == AF_INET && end.address.Unmapped().is_v4() &&
           SameBits(address + 12, wanted, condition.prefix_len);
  }
  return condition.prefix_len == 0 || SameBits(address, wanted, condition.prefix_len);
}

inline bool Accepts(const Program& program, const sockets::ConnectionIdentity& socket) {
  size_t at = 0;
  while (at < program.size()) {
    const inet_diag_bc_op op = OpAt(program, at);
    bool yes = false;
    switch (op.code) {
      case INET_DIAG_BC_S_GE:
        yes = socket.local.port >= OpAt(program, at + 4).no;
        break;
      case INET_DIAG_BC_S_LE:
        yes = socket.local.port <= OpAt(program, at + 4).no;
        break;
      case INET_DIAG_BC_D_GE:
        yes = socket.remote.port >= OpAt(program, at + 4).no;
        break;
      case INET_DIAG_BC_D_LE:
        yes = socket.remote.port <= OpAt(program, at + 4).no;
        break;
      case INET_DIAG_BC_S_COND:
        yes = HostCondition(program, at + 4, socket.local);
        break;
      case INET_DIAG_BC_D_COND:
        yes = HostCondition(program, at + 4, socket.remote);
        break;
      case INET_DIAG_BC_DEV_COND:
        yes = socket.interface == Load<uint32_t>(program, at + 4);
        break;
      default:
        break;
    }
    at += yes ? op.yes : op.no;
  }
  return at == program.size();
}

}  // namespace tcpfleet::filter::bytecode
