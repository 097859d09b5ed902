// Tests mostly wait, so more of them run at once than there are cores.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]
