@torch.no_grad()
def my_test(model):
    model.eval()
    right = [(model(images.to(device)).argmax(dim=1).cpu() == targets).float() for images, targets in test_loader]
    return 100 * torch.cat(right).mean()
