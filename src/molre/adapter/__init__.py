"""MoLRE, mixture of low-rank experts, as pure torch: for any module, knowing nothing of CT."""
