"""Tests of the tool as its users meet it: tool_test.py VERIFY PARTS_TEST, both paths of executables."""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

VERIFY, PARTS_TEST = (os.path.abspath(p) for p in sys.argv[1:3])


class Tool(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_tool(self, *arguments, status=0):
        done = subprocess.run([VERIFY, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def need(self, *suites):
        """Skips where the executable was built with other suites."""
        there = {line.split()[0] for line in self.run_tool('--list').stdout.splitlines()}
        if not there.issuperset(suites):
            self.skipTest('not built: ' + ' '.join(set(suites) - there))

    def report(self, *arguments, status=0):
        file = os.path.join(self.folder, 'report.json')
        if '--budget' not in arguments:
            arguments += ('--budget', '40s')  # ends by itself long before, and on a busy machine as well
        self.run_tool(*arguments, '--json', file, status=status)
        with open(file, encoding='utf-8') as stream:
            return json.load(stream)

    def rows(self, *arguments, mode, status=0):
        rows = self.report(*arguments, '--mode', mode, status=status)['rows']
        self.assertEqual({r['mode'] for r in rows}, {mode})
        return rows


class Usage(Tool):
    def test_list(self):
        lines = self.run_tool('--list').stdout.splitlines()
        self.assertTrue(lines[0].startswith('suite '))
        self.assertGreater(len(lines), 1)

    def test_list_is_filtered(self):
        self.need('canary.relaxed_flag')
        lines = self.run_tool('--list', '--filter', 'canary.*').stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ['suite', 'canary.relaxed_flag'])

    def test_help(self):
        for option in ('--budget', '--executions', '--filter', '--json', '--mode', '--junit', '--replay', '--shard', '--window'):
            self.assertIn(option, self.run_tool('--help').stdout)

    def test_wrong_usage(self):
        for arguments, message in (
                (['--budget', 'soon'], "not a time: 'soon'"),
                (['--budget', '0'], "not a time: '0'"),
                (['--budget', '-3s'], 'time'),
                (['--budget', '5d'], "not a time: '5d'"),
                (['--shard', '5/4'], "not a shard: '5/4'"),
                (['--shard', '0/4'], "not a shard: '0/4'"),
                (['--shard', '1'], "not a shard: '1'"),
                (['--shard', '-1/2'], 'shard'),
                (['--filter', 'there.is.no.such'], 'no suite and mode matches'),
                (['--mode', 'bound 99'], 'no suite and mode matches'),
                (['--replay', 'nonsense'], "no such execution: 'nonsense'"),
                (['--replay', 'no.suite:full-1'], 'no such execution'),
                (['--jobs', '0'], '--jobs'),
                (['--executions', '0'], '--executions'),
                (['--window', '-1'], '--window'),
                (['--sed', '1'], '--sed'),
        ):
            with self.subTest(arguments):
                done = self.run_tool(*arguments, status=2)
                self.assertIn(message, done.stderr.splitlines()[0])
                self.assertIn('--budget', done.stderr, 'says how it would be right')
                self.assertEqual(done.stdout, '')

    def test_a_report_that_cannot_be_written_is_a_fault(self):
        self.need('spinlock.tries')
        self.run_tool('--filter', 'spinlock.tries', '--executions', 20, '--json', self.folder + '/no/such', status=1)


class Runs(Tool):
    def test_a_suite_that_must_fail_and_does(self):
        self.need('canary.relaxed_flag')
        rows = self.report('--filter', 'canary.relaxed_flag')['rows']
        self.assertEqual([r['text'] for r in rows], ['failed as it must'] * 2)
        self.assertTrue(all(r['expected'] and r['red'] and r['unseen'] is None for r in rows))

    def test_a_suite_that_must_fail_and_does_not(self):
        self.need('runq.kick_window')
        junit = os.path.join(self.folder, 'junit.xml')
        row, = self.report('--filter', 'runq.kick_window', '--executions', 1, '--junit', junit, status=1)['rows']
        self.assertEqual(row['text'], 'NOT RED, and it must be')
        root = xml.etree.ElementTree.parse(junit).getroot()
        self.assertEqual(root.find('testsuite').get('failures'), '1')
        self.assertIn('alarm is broken', root.find('.//failure').text)

    def test_replay_repeats_the_failure(self):
        self.need('canary.relaxed_flag')
        for row in self.report('--filter', 'canary.relaxed_flag')['rows']:
            told = [self.run_tool('--replay', row['token'], status=1).stdout for _ in range(2)]
            self.assertEqual(told[0], told[1])
            self.assertIn(f"{row['token']}: {row['verdict']}\n", told[0])
            self.assertIn(row['history'].split('\n', 1)[1], told[0])  # but for its name

    def test_what_is_reported_of_a_search(self):
        self.need('spinlock.tries', 'runq.emptied')
        row, = self.rows('--filter', 'spinlock.tries', '--executions', 1000, mode='full')
        self.assertEqual((row['text'], row['bound'], row['shard']), ('pass (all)', None, '1/1'))
        self.assertEqual((row['exhausted'], row['unseen'], row['executions']), (True, 0, row['distinct']))
        self.assertGreater(row['steps'], row['choices'] / 2)
        row, = self.rows('--filter', 'runq.emptied', '--shard', '2/3', mode='bound 2')
        self.assertEqual((row['text'], row['bound'], row['shard']), ('pass (all of 2/3, bound 2)', 2, '2/3'))
        row, = self.rows('--filter', 'runq.emptied', '--executions', 10, mode='bound 2')
        self.assertEqual((row['text'], row['exhausted'], row['unseen']), ('pass (search not finished)', False, None))

    def test_a_random_run_ends_when_saturated(self):
        self.need('spinlock.tries')
        row, = self.rows('--filter', 'spinlock.tries', '--budget', '30s', mode='random')
        self.assertEqual((row['text'], row['saturated']), ('pass (saturated)', True))
        self.assertGreaterEqual(row['executions'], 50_000)
        self.assertLess(row['unseen'], 1e-4)
        self.assertLess(row['seconds'], 25)

    def test_the_budget_is_kept_and_used(self):
        self.need('runq.two_thieves', 'runq.emptied')
        for budget, seconds in (('0.025m', 1.5), ('0.0003h', 1.08)):
            start = time.monotonic()
            # The search leaves nearly all of its half to the others.
            report = self.report('--filter', 'runq.two_thieves', '--filter', 'runq.emptied', '--budget', budget)
            self.assertLess(time.monotonic() - start, seconds + 1)
            self.assertGreater(report['seconds'], seconds * 0.7)

    def test_junit(self):
        self.need('spinlock.tries', 'canary.relaxed_flag')
        file = os.path.join(self.folder, 'junit.xml')
        self.run_tool('--filter', 'spinlock.tries', '--filter', 'canary.*', '--executions', 100, '--junit', file)
        suite = xml.etree.ElementTree.parse(file).getroot().find('testsuite')
        self.assertEqual((suite.get('tests'), suite.get('failures')), ('4', '0'))
        self.assertEqual([c.get('name') for c in suite.iter('testcase') if 'spin' in c.get('name')],
                         ['spinlock.tries [random]', 'spinlock.tries [full]'])

    def test_what_is_explored_does_not_depend_on_the_jobs(self):
        self.need('spinlock.tries', 'runq.batch')
        arguments = ('--filter', 'spinlock.tries', '--filter', 'runq.batch', '--executions', 500)
        seen = [{(r['suite'], r['mode']): r['fingerprint'] for r in self.report(*arguments, *more)['rows']}
                for more in ((), ('--jobs', 3), ('--jobs', 1, '--budget', '60s'))]
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0], seen[2])


class Parts(Tool):
    def fingerprints(self, rows):
        return sum(int(r['fingerprint'], 16) for r in rows) % 2**64

    def test_shards_of_a_search(self):
        self.need('runq.emptied', 'spinlock.tries', 'runq.batch')
        for suite, mode, counts in (('runq.emptied', 'bound 2', (2, 3, 4, 5)), ('spinlock.tries', 'full', (2, 3, 4, 5)),
                                    ('runq.batch', 'bound 3', (3,))):
            arguments = ('--filter', suite)
            whole, = self.rows(*arguments, mode=mode)
            for n in counts:
                with self.subTest(suite=suite, n=n):
                    parts = [self.rows(*arguments, '--shard', f'{i + 1}/{n}', mode=mode)[0] for i in range(n)]
                    self.assertTrue(all(p['exhausted'] for p in (whole, *parts)))
                    self.assertTrue(all(p['distinct'] == p['executions'] for p in (whole, *parts)))
                    self.assertEqual(sum(p['executions'] for p in parts), whole['executions'])
                    self.assertEqual(self.fingerprints(parts), self.fingerprints([whole]))

    def test_shards_of_a_random_run(self):
        self.need('runq.two_thieves')
        measured = 70  # iterations by which the run is measured; they count in the first shard
        for n in (2, 7):
            share = 7 * 30
            arguments = ('--filter', 'runq.two_thieves', '--window', 5)
            whole, = self.rows(*arguments, '--executions', measured + n * share, mode='random')
            parts = [self.rows(*arguments, '--shard', f'{i + 1}/{n}', '--executions',
                               share + (measured if i == 0 else 0), mode='random')[0] for i in range(n)]
            self.assertEqual({p['points'] for p in parts}, {whole['points']})
            self.assertEqual(sum(p['executions'] for p in parts), whole['executions'])
            self.assertEqual(self.fingerprints(parts), self.fingerprints([whole]))

    def test_a_suite_that_must_fail_runs_in_one_shard(self):
        self.need('canary.relaxed_flag', 'runq.kick_window')
        met = []
        for i in range(5):
            for row in self.report('--filter', 'canary.*', '--filter', 'runq.kick_window', '--shard', f'{i + 1}/5')['rows']:
                self.assertEqual(row['shard'], '1/1')
                met.append((row['suite'], row['mode']))
        self.assertEqual(sorted(met), [('canary.relaxed_flag', 'full'), ('canary.relaxed_flag', 'random'),
                                       ('runq.kick_window', 'random')])

    def test_a_window_moves_the_iterations(self):
        self.need('runq.two_thieves')
        seen = [self.rows('--filter', 'runq.two_thieves', '--executions', 300, *more, mode='random')[0]['fingerprint']
                for more in ((), ('--window', 0), ('--window', 1), ('--window', 2), ('--seed', 2))]
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(len(set(seen)), 4)

    def test_parts_and_reports(self):
        files = [os.path.join(self.folder, name) for name in ('junit.xml', 'report.json')]
        done = subprocess.run([PARTS_TEST, *files], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        cases = xml.etree.ElementTree.parse(files[0]).getroot().findall('.//testcase')
        self.assertEqual([c.get('name') for c in cases], ['a.<suite>&"\' [random]', 'a.<suite>&"\' [bound 2]'])
        self.assertIn(' !"#$%&', cases[0].find('failure').text)
        with open(files[1], encoding='utf-8') as stream:
            rows = json.load(stream)['rows']
        self.assertEqual([r['shard'] for r in rows], ['1/1', '2/3'])
        self.assertIn('\x01\x02', rows[0]['history'])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
