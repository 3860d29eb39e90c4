#include "agent/app/agent.h"

int main(int argc, char** argv) { return tcpfleet::agent::RunAgentMain(argc, argv); }
