"""Find which representation of handwritten digits to use, and whether the difference is real."""

from nearspace import compare, load, write_report

digits = load("digits", limit=600)
board = compare(digits, encoders=["raw", "pca(dim=16)", "mlp(epochs=5)", "pca(dim=16) + hog"])

print(board.to_frame()[["spec", "verdict", "knn", "knn_low", "knn_high", "latency_seconds"]])
print("recommended:", board.best().spec)
print("report:", write_report(board, "report.html"))
