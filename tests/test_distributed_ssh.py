"""Workers on other machines: a real SSH server on the loopback stands for one of them."""

import asyncio
import re
import subprocess
import threading
from pathlib import Path

import pytest
from extras import need
from test_distributed import DIST, Bench

asyncssh = need("asyncssh", "dist")


class Machine:
    """An SSH server in a thread of its own, which runs what it is told on this machine, for one user with one key."""

    def __init__(self, home: Path):
        keys = home / ".ssh"
        keys.mkdir(mode=0o700)
        host_key, own_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        own_key.write_private_key(str(keys / "id_ed25519"))
        own_key.write_public_key(str(home / "authorized"))
        self.commands = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._do(asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[host_key], authorized_client_keys=str(home / "authorized"),
            process_factory=self._run, encoding=None))
        self.port = self._server.sockets[0].getsockname()[1]
        public = host_key.export_public_key().decode().strip()
        (keys / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}\n")

    def close(self):
        async def ended():
            self._server.close()
            await self._server.wait_closed()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._do(ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, work):
        async def awaited():
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(30)

    async def _run(self, process):
        self.commands.append(process.command)
        child = await asyncio.create_subprocess_shell(
            process.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
        process.exit(abs(await child.wait()))


@pytest.fixture
def far(tmp_path):
    machine = Machine(tmp_path)
    yield machine
    machine.close()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def hosts(bench, *lines):
    path = bench.folder / "hosts.txt"
    path.write_text("\n".join(lines))
    return ("--hosts", str(path))


def test_a_machine_that_ssh_reaches_trains_together_with_this_one(bench, far):
    code, said = bench.run(*DIST, *hosts(bench, "localhost", f"me@127.0.0.1:{far.port}"), "--max-seconds", "1",
                           variables={"HOME": str(bench.folder)})
    assert code == 0, said
    [record] = bench.records()
    assert record.status == "ok", record.message
    assert (record.cell.workers, record.scaling.hosts) == (2, ("this machine", "127.0.0.1"))
    assert record.machine["hosts"] == 2
    assert [command.rsplit(" ", 1)[1] for command in far.commands] == ["worker-1"]


@pytest.mark.parametrize("line, said", [
    ("me@127.0.0.1:{port} python=/no/such/python", "cannot start on 127.0.0.1.*no/such/python"),
    ("me@127.0.0.1:1", "SSH cannot log in to 127.0.0.1"), ("me@no.such.host.invalid", "SSH cannot log in to no.such"),
])
def test_a_machine_that_cannot_take_part_is_named_and_nothing_is_written(bench, far, line, said):
    code, output = bench.run(*DIST, *hosts(bench, line.format(port=far.port)), variables={"HOME": str(bench.folder)})
    assert code == 2 and re.search(said, output), output
    assert len(output.strip().splitlines()) == 1
    assert not bench.results.exists()


def test_a_key_that_is_not_known_there_is_refused(bench, far):
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(bench.folder / ".ssh" / "id_ed25519"))
    code, output = bench.run(*DIST, *hosts(bench, f"me@127.0.0.1:{far.port}"), variables={"HOME": str(bench.folder)})
    assert code == 2 and "SSH cannot log in to 127.0.0.1" in output, output
