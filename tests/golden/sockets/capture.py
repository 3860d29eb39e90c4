#!/usr/bin/env python3
"""Records the inet_diag dumps README.md describes; run as root: unshare -n ./capture.py"""
import socket
import struct
import subprocess
import time


def pair(family, address, listen_port, client_port):
    listener = socket.socket(family)
    listener.bind((address, listen_port))
    listener.listen(9)
    client = socket.socket(family)
    client.bind((address, client_port))
    client.connect((address, listen_port))
    return listener, client


def record(netlink, family, name):
    request = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 2 | 8, 0, 0xFFE)
    netlink.send(struct.pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0) + request)
    with open(name, "wb") as file:
        file.write(netlink.recv(65536))
    if struct.unpack_from("=IH", netlink.recv(65536))[1] != 3:  # NLMSG_DONE
        raise SystemExit("more than one datagram: run this in an empty namespace")


subprocess.check_call(["ip", "link", "set", "lo", "up"])
listener4, client4 = pair(socket.AF_INET, "127.0.0.1", 8080, 40001)
server4, _ = listener4.accept()
client4.send(b"x" * 1000)
server4.recv(400)
server4.send(b"y" * 50)
idle = socket.create_connection(("127.0.0.1", 8080), source_address=("127.0.0.1", 40002))
idle_server, _ = listener4.accept()
closing = socket.create_connection(("127.0.0.1", 8080), source_address=("127.0.0.1", 40003))
closing_server, _ = listener4.accept()
closing.close()
closing_server.close()
listener6, client6 = pair(socket.AF_INET6, "::1", 8081, 40004)
server6, _ = listener6.accept()
client6.send(b"z" * 10)
waiting = socket.create_connection(("127.0.0.1", 8080), source_address=("127.0.0.1", 40005))
time.sleep(0.2)
diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
record(diag, socket.AF_INET, "inet_diag_ipv4.bin")
record(diag, socket.AF_INET6, "inet_diag_ipv6.bin")
