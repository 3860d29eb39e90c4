// Filters as inet_diag bytecode.
//
// Source: net/ipv4/inet_diag.c, inet_diag_bc_audit() and inet_diag_bc_run(). An instruction goes on
//         to the one behind it when it is true (`yes` is its size) and jumps forward by `no` when
//         it is false; a jump to the end of the program accepts the socket, one four bytes beyond
//         the end rejects it.
#pragma once

#include <cstddef>
#include <vector>

#include "common/filter/expression.h"
#include "common/filter/filter.h"

namespace tcpfleet::filter {

// The part of an expression that the kernel can judge without capabilities; everything else, and
// states, which it is asked for otherwise, counts as true. Simplified.
Expression KernelPart(const Expression& expression);

// The program for a kernel part; empty when it is always true, or longer than kMostProgramBytes.
std::vector<std::byte> CompileKernelPart(const Expression& part);

// Families of sockets for which the expression can be true.
FamilyMask FamiliesOf(const Expression& expression);

}  // namespace tcpfleet::filter
