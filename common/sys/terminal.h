#pragma once

namespace tcpfleet::sys {

bool IsTerminal(int fd);

// Width of the terminal in columns (TIOCGWINSZ); 0 when it is not one or does not say.
int TerminalColumns(int fd);
// Its height in lines, likewise.
int TerminalLines(int fd);

}  // namespace tcpfleet::sys
